"""A GET by Python's requests: prints the status, or the error."""
import sys

import requests

try:
    print(requests.get(sys.argv[1], timeout=float(sys.argv[2])).status_code)
except Exception as error:
    print(type(error).__name__, error)
