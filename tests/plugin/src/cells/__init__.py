"""A reader of ``.cells`` files and a method ``last``, as a plug-in has them."""
