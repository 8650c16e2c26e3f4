"""What pyproject.toml cannot say: the extensions that cffi builds."""

from setuptools import setup

setup(cffi_modules=["relay/lines/build_native.py:ffi", "relay/transport/build_srtp.py:ffi"])
