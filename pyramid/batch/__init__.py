"""Many images by one command: each into a pyramid of its own, in one folder.

What a user gives becomes a `Batch` of items before anything runs. The run of one image is handed over by `pyramid.api`;
so an image of a batch has the bytes of one that was converted by itself.

`kinds` says what a batch is; the other modules are imported only for one.
"""
