"""A live service: quotes of currencies."""
import http.server
import json
import sys

RATES = {"EUR": 1, "USD": 2}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        currency = self.path.rsplit("/", 1)[1]
        if currency in RATES:
            self.answer(200, {"currency": currency, "rate": RATES[currency]})
        else:
            self.answer(404, {"code": "CURRENCY_NOT_FOUND", "detail": f"{currency} is not quoted"})

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
