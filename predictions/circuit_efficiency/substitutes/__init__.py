"""In place of weight decay: what else keeps norms from growing, and what it makes forget."""
