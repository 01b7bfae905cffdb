//! A peer for the interop tests: OpenMLS or mls-rs behind JSON lines (see ../README.md).
//!   interop-peer openmls|mls-rs
//! Every line of standard input is a request and gets one line of standard output, in order.

mod mls_rs_client;
mod openmls_client;
mod protocol;

use std::io::{self, BufRead, Write};
use std::panic::{catch_unwind, AssertUnwindSafe};

use protocol::{answer, Client, Clients, Setup};

fn main() -> io::Result<()> {
    let make: fn(&Setup) -> protocol::Fallible<Box<dyn Client>> = match std::env::args().nth(1).as_deref() {
        Some("openmls") => openmls_client::create,
        Some("mls-rs") => mls_rs_client::create,
        _ => {
            eprintln!("usage: interop-peer openmls|mls-rs");
            std::process::exit(2);
        }
    };
    std::panic::set_hook(Box::new(|_| {}));
    let mut clients = Clients::new(make);
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let reply = catch_unwind(AssertUnwindSafe(|| answer(&mut clients, &line)));
        // A panic is an answer too: the runner wants to know that the peer could not cope with a message.
        let reply = reply.unwrap_or_else(|panic| protocol::failure(&format!("panic: {}", text(&*panic))));
        writeln!(output, "{reply}")?;
        output.flush()?;
    }
    Ok(())
}

fn text(panic: &(dyn std::any::Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no text")
}
