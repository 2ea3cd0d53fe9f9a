use std::{fmt, io};

use super::socket::Socket;
use crate::services::WireAnswer;

/// The connection ends here, whatever hyper would do.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault ended the connection")
    }
}

impl std::error::Error for Broken {}

/// The pieces that a slow body arrives in.
const PIECES: u32 = 10;

/// Writes a faulty answer, as far as it goes.
pub(super) async fn write(socket: &Socket, answer: &WireAnswer, body: &str) -> io::Result<()> {
    let head = |length: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{length}\r\n\r\n")
    };
    let whole = head(&format!("content-length: {}", body.len()));
    // A whole body would not be a fault.
    let part = |bytes: usize| &body.as_bytes()[..bytes.min(body.len().saturating_sub(1))];
    match answer {
        WireAnswer::Lost => socket.reset(),
        WireAnswer::ResetAfter(bytes) => {
            socket.write(whole.as_bytes()).await?;
            socket.write(part(*bytes)).await?;
            socket.until_read().await;
            socket.reset();
        }
        WireAnswer::CutAfter(bytes) | WireAnswer::StallAfter(bytes) => {
            socket.write(whole.as_bytes()).await?;
            socket.write(part(*bytes)).await?;
        }
        WireAnswer::Drip(time) => {
            socket.write(whole.as_bytes()).await?;
            let pieces = body.len().min(PIECES as usize).max(1);
            for piece in 0..pieces {
                tokio::time::sleep(*time / u32::try_from(pieces).unwrap_or(1)).await;
                let [from, to] = [piece, piece + 1].map(|piece| body.len() * piece / pieces);
                socket.write(&body.as_bytes()[from..to]).await?;
            }
        }
        WireAnswer::Garbage => {
            socket
                .write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
                .await?
        }
        WireAnswer::BadChunk => {
            socket
                .write(head("transfer-encoding: chunked").as_bytes())
                .await?;
            let chunk = format!("{:x}\r\n{body}\r\nnot a size\r\n", body.len());
            socket.write(chunk.as_bytes()).await?;
        }
        WireAnswer::Empty | WireAnswer::Status(..) | WireAnswer::Corrupted => {}
    }
    Ok(())
}
