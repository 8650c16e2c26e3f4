"""What pyproject.toml cannot say: the extensions that cffi builds."""

from setuptools import setup

setup(
    cffi_modules=[
        "relay/codecs/build_opus.py:ffi",
        "relay/lines/build_native.py:ffi",
        "relay/transport/build_srtp.py:ffi",
    ]
)
