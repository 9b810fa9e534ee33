//! Connections that are counted while they are open: idle, or taken by a call.
//!
//! The client's pool does not say what it holds. A connection counts as active from the first byte of
//! a request on; whoever has read the response to its end says that it is idle again.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection as Connects};
use tower_service::Service;

use crate::base::tally::{Connection, Connections};

/// A connector whose connections are counted.
#[derive(Clone, Debug)]
pub(super) struct Counting<C> {
    connector: C,
    connections: Connections,
}

impl<C> Counting<C> {
    pub(super) fn new(connector: C, connections: Connections) -> Self {
        Self { connector, connections }
    }
}

impl<C> Service<Uri> for Counting<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Response: Send,
    C::Error: Send,
{
    type Response = Counted<C::Response>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.connector.call(uri);
        let connections = self.connections.clone();
        Box::pin(async move {
            let stream = connecting.await?;
            Ok(Counted { stream, connection: connections.opened() })
        })
    }
}

/// A connection that is counted until it is dropped.
#[derive(Debug)]
pub(super) struct Counted<T> {
    stream: T,
    connection: Connection,
}

impl<T: Connects> Connects for Counted<T> {
    /// Every response brings its connection along.
    fn connected(&self) -> Connected {
        self.stream.connected().extra(self.connection.clone())
    }
}

impl<T: Read + Unpin> Read for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<T: Write + Unpin> Write for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.connection.set_active(true);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection.set_active(true);
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
