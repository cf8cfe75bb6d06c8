use std::{io, time::Duration};

use tokio::net::TcpStream;

use crate::address::{resolve, socket_of};

/// Who does not answer within this on a LAN or over a VPN does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What happens when an address is knocked at, for the doctor. Who answers it does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Something accepts connections there.
    Answers,
    /// A machine is there, and nothing listens on that port.
    NobodyListens,
    /// Nothing came back.
    NoAnswer,
    /// No way leads to that network.
    NoWay,
    /// It is no address, or its name is not known: one sentence.
    Unknown(String),
}

/// Knocks at an address, `HOST:PORT` or a multiaddress, and hangs up at once. Takes at most three seconds for each address that
/// a name has.
pub async fn reach(address: &str) -> Reach {
    let sockets = match resolve(address).await {
        Ok(found) => found.iter().filter_map(socket_of).map(|(socket, _)| socket).collect::<Vec<_>>(),
        Err(error) => return Reach::Unknown(error.to_string()),
    };
    let mut last = Reach::Unknown(format!("'{address}' names no address"));
    for socket in sockets {
        last = match tokio::time::timeout(PATIENCE, TcpStream::connect(socket)).await {
            Ok(Ok(_hung_up)) => return Reach::Answers,
            Ok(Err(error)) => told(&error),
            Err(_) => Reach::NoAnswer,
        };
    }
    last
}

fn told(error: &io::Error) -> Reach {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Reach::NobodyListens,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Reach::NoWay,
        io::ErrorKind::TimedOut => Reach::NoAnswer,
        _ => Reach::Unknown(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_port_answers_while_somebody_listens_and_refuses_then() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert_eq!(reach(&address).await, Reach::Answers);
        drop(listener);
        assert_eq!(reach(&address).await, Reach::NobodyListens);
        assert!(matches!(reach("no address").await, Reach::Unknown(_)));
    }
}
