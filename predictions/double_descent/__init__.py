"""Double descent (Belkin et al. 2019, Nakkiran et al. 2020), and what efficiency says of it.

Test loss along something that is varied rises to a peak where networks just fit their examples, and
falls again. Networks and sizes stand in ``digits``, what is varied in ``axes``, how peaks are read
in ``peaks``; claim and rule of each in a module.
"""
