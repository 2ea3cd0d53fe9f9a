"""An order: stock is reserved, then the card is charged. The journal lets it go on after a crash."""
import http.server
import json
import os
import sqlite3
import sys
import urllib.request

STEPS = [("STOCK", "reserve"), ("PAYMENTS", "charge")]

journal = sqlite3.connect(os.environ["JOURNAL"], check_same_thread=False, isolation_level=None)
journal.execute("create table if not exists orders (id text primary key, done integer)")


def call(service, operation, order):
    request = urllib.request.Request(f"{os.environ[service]}/{operation}", json.dumps({"order": order}).encode())
    request.add_header("Content-Type", "application/json")
    urllib.request.urlopen(request, timeout=2).close()


def run(order):
    """Runs an order from where its journal says it is."""
    (done,) = journal.execute("select done from orders where id = ?", (order,)).fetchone()
    for service, operation in STEPS[done:]:
        call(service, operation, order)
        journal.execute("update orders set done = done + 1 where id = ?", (order,))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"ready": True})

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["order"]
        journal.execute("insert or ignore into orders values (?, 0)", (order,))
        run(order)
        self.answer({"order": order, "state": "completed"})

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


for (order,) in journal.execute("select id from orders where done < ?", (len(STEPS),)).fetchall():
    print(f"{order}: goes on", flush=True)
    run(order)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
