//! An address that programs use for a database, wherever it runs: operators move it to another machine in a failover.
//!
//! It runs in the runtime of the test. A test that also blocks on processes needs a multi-threaded runtime.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::Outcome;

/// An address on the loopback that leads to one database at a time. Dropped, it ends with all its connections.
#[derive(Debug)]
pub struct VirtualAddress {
    address: SocketAddr,
    target: watch::Sender<Option<SocketAddr>>,
    carrying: JoinHandle<()>,
}

impl VirtualAddress {
    /// A new address that leads nowhere yet.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn new() -> Outcome<VirtualAddress> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (target, leads) = watch::channel(None);
        let carrying = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((caller, _)) = listener.accept().await {
                connections.spawn(carry(caller, leads.clone()));
                // Removes ended connections.
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(VirtualAddress { address, target, carrying })
    }

    /// The address itself.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads to `target` from now on. Connections to other targets are cut.
    pub fn lead_to(&self, target: SocketAddr) {
        self.target.send_replace(Some(target));
    }

    /// Leads nowhere from now on: every connection is cut, and new ones are closed at once.
    pub fn lead_nowhere(&self) {
        self.target.send_replace(None);
    }
}

impl Drop for VirtualAddress {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

/// Forwards one connection until either side ends it or the address leads elsewhere.
async fn carry(mut caller: TcpStream, mut leads: watch::Receiver<Option<SocketAddr>>) {
    let Some(target) = *leads.borrow_and_update() else { return };
    let carried = async {
        let mut database = TcpStream::connect(target).await?;
        copy_bidirectional(&mut caller, &mut database).await
    };
    tokio::select! {
        // Both ends handle a broken connection.
        _ = carried => {}
        _ = leads.changed() => {}
    }
}
