"""A GET by Python's requests: prints the status, or the error and the end of its message."""
import sys

import requests

try:
    print(requests.get(sys.argv[1], timeout=float(sys.argv[2])).status_code)
except requests.RequestException as error:
    print(f"{type(error).__name__}: {str(error).rsplit(': ', 1)[-1]}")
