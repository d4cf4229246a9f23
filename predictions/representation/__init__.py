"""An effective theory of representation learning, as predictions (Liu et al. 2022).

Its toy, and what circuit efficiency says of the same networks: claim, design and rule of each stand
in one module, networks and rates in ``toy``.
"""
