"""A GET by Python's urllib: prints the status, or the error."""
import sys
import urllib.error
import urllib.request

try:
    with urllib.request.urlopen(sys.argv[1], timeout=float(sys.argv[2])) as answer:
        answer.read()
        print(answer.status)
except urllib.error.URLError as error:
    reason = getattr(error, "reason", error)
    print(f"HTTPError {error.code}" if isinstance(error, urllib.error.HTTPError) else type(reason).__name__)
except Exception as error:
    print(type(error).__name__, error)
