//! Requests, replies, and what an implementation has to offer.

use std::collections::HashMap;
use std::error::Error;

use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

pub type Fallible<T> = Result<T, Box<dyn Error>>;

/// Bytes, which travel as hex.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Bytes(#[serde(with = "hex::serde")] pub Vec<u8>);

/// What a client is made of.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Setup {
    pub suite: u16,
    pub identity: Bytes,
    /// Handshake messages go out as PublicMessage.
    pub public: bool,
    /// Commits carry a path even where their proposals need none.
    pub always_path: bool,
}

/// One proposal, for a commit or to be sent by itself.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Proposed {
    Add {
        #[serde(rename = "keyPackage")]
        key_package: Bytes,
    },
    Remove {
        leaf: u32,
    },
    Psk {
        id: Bytes,
    },
    /// Not in a commit, which renews the sender's leaf anyway.
    Update,
}

/// A commit that waits for `accept` or `discard`.
#[derive(Serialize)]
pub struct Committed {
    pub message: Bytes,
    pub welcome: Option<Bytes>,
}

/// What became of a message.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Outcome {
    Application {
        data: Bytes,
        sender: u32,
    },
    Proposal,
    Commit,
    /// A commit that removed this client.
    Removed,
}

#[derive(Serialize)]
pub struct Member {
    pub leaf: u32,
    pub identity: Bytes,
}

/// What all members of an epoch must agree on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    pub epoch: u64,
    pub leaf: u32,
    pub authenticator: Bytes,
    pub tree_hash: Bytes,
    pub members: Vec<Member>,
}

/// One member, in at most one group.
pub trait Client {
    fn key_package(&mut self) -> Fallible<Vec<u8>>;
    fn create_group(&mut self, id: &[u8]) -> Fallible<()>;
    fn join(&mut self, welcome: &[u8]) -> Fallible<()>;
    /// Gives the commit, which has been taken already.
    fn external_join(&mut self, group_info: &[u8]) -> Fallible<Vec<u8>>;
    fn register_psk(&mut self, id: &[u8], value: &[u8]) -> Fallible<()>;
    fn propose(&mut self, proposal: &Proposed) -> Fallible<Vec<u8>>;
    /// Commits what was proposed before and `proposals`.
    fn commit(&mut self, proposals: &[Proposed]) -> Fallible<Committed>;
    fn accept(&mut self) -> Fallible<()>;
    fn discard(&mut self) -> Fallible<()>;
    /// Takes a commit at once.
    fn process(&mut self, message: &[u8]) -> Fallible<Outcome>;
    fn encrypt(&mut self, data: &[u8]) -> Fallible<Vec<u8>>;
    fn group_info(&mut self) -> Fallible<Vec<u8>>;
    fn export(&mut self, label: &str, context: &[u8], length: usize) -> Fallible<Vec<u8>>;
    fn state(&mut self) -> Fallible<State>;
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "camelCase")]
enum Request {
    Client(Setup),
    Close {
        client: u64,
    },
    Call {
        client: u64,
        #[serde(flatten)]
        call: Call,
    },
}

#[derive(Deserialize)]
#[serde(tag = "call", rename_all = "camelCase")]
enum Call {
    KeyPackage,
    CreateGroup {
        id: Bytes,
    },
    Join {
        welcome: Bytes,
    },
    #[serde(rename_all = "camelCase")]
    ExternalJoin {
        group_info: Bytes,
    },
    RegisterPsk {
        id: Bytes,
        value: Bytes,
    },
    Propose {
        proposal: Proposed,
    },
    Commit {
        proposals: Vec<Proposed>,
    },
    Accept,
    Discard,
    Process {
        message: Bytes,
    },
    Encrypt {
        data: Bytes,
    },
    GroupInfo,
    Export {
        label: String,
        context: Bytes,
        length: usize,
    },
    State,
}

/// The clients of one process, by the numbers that they were given.
pub struct Clients {
    make: fn(&Setup) -> Fallible<Box<dyn Client>>,
    open: HashMap<u64, Box<dyn Client>>,
    made: u64,
}

impl Clients {
    pub fn new(make: fn(&Setup) -> Fallible<Box<dyn Client>>) -> Self {
        Clients { make, open: HashMap::new(), made: 0 }
    }
}

/// The reply to one line: `{"ok":…}` or `{"error":"…"}`.
pub fn answer(clients: &mut Clients, line: &str) -> Value {
    match handle(clients, line) {
        Ok(value) => json!({ "ok": value }),
        Err(error) => failure(&format!("{error:?}")),
    }
}

pub fn failure(text: &str) -> Value {
    json!({ "error": text })
}

fn handle(clients: &mut Clients, line: &str) -> Fallible<Value> {
    match serde_json::from_str(line)? {
        Request::Client(setup) => {
            let client = (clients.make)(&setup)?;
            clients.made += 1;
            clients.open.insert(clients.made, client);
            Ok(json!(clients.made))
        }
        Request::Close { client } => Ok(json!(clients.open.remove(&client).is_some())),
        Request::Call { client, call } => {
            let client = clients.open.get_mut(&client).ok_or("no such client")?;
            perform(client.as_mut(), call)
        }
    }
}

fn perform(client: &mut dyn Client, call: Call) -> Fallible<Value> {
    let hex = |bytes: Vec<u8>| Ok(json!(Bytes(bytes)));
    match call {
        Call::KeyPackage => client.key_package().and_then(hex),
        Call::CreateGroup { id } => Ok(json!(client.create_group(&id.0)?)),
        Call::Join { welcome } => Ok(json!(client.join(&welcome.0)?)),
        Call::ExternalJoin { group_info } => client.external_join(&group_info.0).and_then(hex),
        Call::RegisterPsk { id, value } => Ok(json!(client.register_psk(&id.0, &value.0)?)),
        Call::Propose { proposal } => client.propose(&proposal).and_then(hex),
        Call::Commit { proposals } => Ok(json!(client.commit(&proposals)?)),
        Call::Accept => Ok(json!(client.accept()?)),
        Call::Discard => Ok(json!(client.discard()?)),
        Call::Process { message } => Ok(json!(client.process(&message.0)?)),
        Call::Encrypt { data } => client.encrypt(&data.0).and_then(hex),
        Call::GroupInfo => client.group_info().and_then(hex),
        Call::Export { label, context, length } => client.export(&label, &context.0, length).and_then(hex),
        Call::State => Ok(json!(client.state()?)),
    }
}
