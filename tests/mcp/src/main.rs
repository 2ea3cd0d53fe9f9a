//! `rehearsal mcp`, for the clients of this package: a folder, and an address if it is to listen.

use std::{env::args, io, path::Path};

fn main() -> io::Result<()> {
    let folder = args().nth(1).unwrap_or_default();
    let address = args()
        .nth(2)
        .map(|text| text.parse().map_err(io::Error::other));
    rehearsal::tasks::mcp::serve(Path::new(&folder), address.transpose()?)
}
