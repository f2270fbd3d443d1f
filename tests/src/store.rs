//! An S3 endpoint in this process, over a folder: it stands in for MinIO of production.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use sync_server::settings::ContentSettings;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::Outcome;

const BUCKET: &str = "waystation";
const ACCESS_KEY: &str = "tests";
const SECRET_KEY: &str = "tests on the loopback only";

/// A running endpoint. Dropped, it ends with its connections.
#[derive(Debug)]
pub struct ObjectStore {
    folder: PathBuf,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl ObjectStore {
    /// Starts one with an empty bucket in a folder.
    ///
    /// # Errors
    /// When the folder cannot be used or there is no free port.
    pub async fn start(folder: &Path) -> Outcome<ObjectStore> {
        std::fs::create_dir_all(folder.join(BUCKET))?;
        let files = s3s_fs::FileSystem::new(folder).map_err(|error| format!("{error:?}"))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(ObjectStore { folder: folder.join(BUCKET), address, accepting: tokio::spawn(accept(listener, service)) })
    }

    /// The folder of the bucket's files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The settings of a server that stores its files here.
    pub fn settings(&self) -> ContentSettings {
        ContentSettings::S3 {
            endpoint: format!("http://{}", self.address),
            bucket: BUCKET.to_owned(),
            region: "us-east-1".to_owned(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
        }
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, service: S3Service) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let service = service.clone();
        connections.spawn(async move {
            // A broken connection is handled by the client.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
        });
    }
}
