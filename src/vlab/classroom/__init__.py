"""A class: many learners on one cluster, each in a namespace of their own, and what a teacher does with them."""
