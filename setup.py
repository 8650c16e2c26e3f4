"""What pyproject.toml cannot say: the extension that cffi builds."""

from setuptools import setup

setup(cffi_modules=["relay/lines/build_native.py:ffi"])
