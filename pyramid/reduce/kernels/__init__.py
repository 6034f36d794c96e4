"""The methods' loops, compiled with Numba: planes of pixels in, planes out.

Numba compiles a kernel once on a machine, which takes seconds. Its machine code is kept on disk, and LLVM loads it in
30 ms, without Numba. The methods begin with NumPy, and change to a kernel that a thread has loaded meanwhile.
Importing this package imports neither.
"""
