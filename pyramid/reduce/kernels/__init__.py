"""The methods' loops, compiled with Numba: planes of pixels in, planes out.

To load Numba and a kernel takes a process half a second. So the methods begin with NumPy, and change to a kernel that a
thread has loaded meanwhile. Importing this package does not import Numba.
"""
