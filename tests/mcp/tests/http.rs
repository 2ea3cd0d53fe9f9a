//! What the door over HTTP lets in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

/// A server that listens, killed in the end.
struct Server {
    process: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_mcp-server"))
            .arg(folder.path())
            .arg("127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut printed = BufReader::new(process.stderr.take().unwrap());
        printed.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.and_then(|rest| rest.strip_suffix("/mcp")).unwrap();
        Self {
            address: address.to_owned(),
            process,
            _folder: folder,
        }
    }

    /// The status of the answer to a request.
    fn status(&self, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut request = format!("POST {path} HTTP/1.1\r\n");
        let common = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("Connection", "close"),
        ];
        let length = body.len().to_string();
        for (name, value) in common
            .iter()
            .chain(headers)
            .chain(&[("Content-Length", &*length)])
        {
            request += &format!("{name}: {value}\r\n");
        }
        request += "\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        // A server that refuses need not read it.
        let _ = stream.write_all(body.as_bytes());
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        std::str::from_utf8(&head[9..]).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;

#[test]
fn other_hosts_and_origins_are_refused() {
    let server = Server::start();
    let status = |headers: &[(&str, &str)]| server.status("/mcp", headers, INITIALIZE);
    let own = server.address.as_str();
    let port = own.rsplit(':').next().unwrap();
    let (local, elsewhere) = (format!("localhost:{port}"), format!("evil.example:{port}"));
    assert_eq!(status(&[("Host", own)]), 200);
    assert_eq!(status(&[("Host", &local)]), 200);
    assert_eq!(
        status(&[("Host", own), ("Origin", "http://localhost:3000")]),
        200
    );
    assert_eq!(status(&[("Host", &elsewhere)]), 403);
    assert_eq!(
        status(&[("Host", own), ("Origin", "http://evil.example")]),
        403
    );
    assert_eq!(status(&[("Host", own), ("Origin", "null")]), 403);
}

#[test]
fn other_paths_and_large_requests_are_refused() {
    let server = Server::start();
    let host = [("Host", server.address.as_str())];
    assert_eq!(server.status("/", &host, INITIALIZE), 404);
    assert!((400..500).contains(&server.status("/mcp", &host, "{")));
    assert_eq!(
        server.status("/mcp", &host, &" ".repeat(5 * 1024 * 1024)),
        413
    );
}

#[test]
fn addresses_that_others_can_reach_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_mcp-server"))
        .arg(folder.path())
        .arg("0.0.0.0:0")
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let printed = String::from_utf8(refused.stderr).unwrap();
    assert!(
        printed.contains("can be reached from other machines"),
        "{printed}"
    );
}
