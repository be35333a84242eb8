//! Just enough of HTTP to talk to a sandbox on this machine.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use anyhow::{Context, Result, bail, ensure};

/// Asks for `path` of `base` (`http://127.0.0.1:PORT`), with a JSON body where there is one; returns the body of the answer.
///
/// # Errors
///
/// No connection, an answer that is not HTTP, or a status other than 200.
pub fn call(method: &str, base: &str, path: &str, key: &str, body: Option<&[u8]>) -> Result<Vec<u8>> {
    let host = base.strip_prefix("http://").with_context(|| format!("{base} is no address of a sandbox"))?;
    let mut stream = TcpStream::connect(host).with_context(|| format!("{host} does not answer"))?;
    let body = body.unwrap_or_default();
    // HTTP/1.0 ends the body with the connection, so there is no chunk to decode.
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {host}\r\nApi-Key: {key}\r\nX-Goog-Api-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        bail!("{method} {path}: the answer is not HTTP");
    };
    let body = answer.split_off(end + 4);
    let status = String::from_utf8_lossy(&answer);
    let status = status.lines().next().unwrap_or_default();
    ensure!(status.contains(" 200 "), "{method} {path}: {status}: {}", String::from_utf8_lossy(&body));
    Ok(body)
}
