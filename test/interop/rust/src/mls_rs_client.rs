//! mls-rs, over its RustCrypto back end.

use mls_rs::client_builder::MlsConfig;
use mls_rs::group::CommitEffect;
use mls_rs::group::ReceivedMessage;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::identity::SigningIdentity;
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions};
use mls_rs::psk::ExternalPskId;
use mls_rs::storage_provider::in_memory::InMemoryPreSharedKeyStorage;
use mls_rs::{CipherSuite, CipherSuiteProvider, CryptoProvider, ExtensionList, Group, MlsMessage};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;

use crate::protocol::{self, Bytes, Client, Committed, Fallible, Outcome, Proposed, Setup, State};

struct MlsRs<C: MlsConfig> {
    client: mls_rs::Client<C>,
    psks: InMemoryPreSharedKeyStorage,
    group: Option<Group<C>>,
}

pub fn create(setup: &Setup) -> Fallible<Box<dyn Client>> {
    let suite = CipherSuite::from(setup.suite);
    let crypto = RustCryptoProvider::new();
    let primitives = crypto.cipher_suite_provider(suite).ok_or("unknown suite")?;
    let (secret, public) = primitives.signature_key_generate()?;
    let credential = BasicCredential::new(setup.identity.0.clone()).into_credential();
    let psks = InMemoryPreSharedKeyStorage::default();
    let rules = DefaultMlsRules::new()
        .with_commit_options(CommitOptions::new().with_path_required(setup.always_path))
        .with_encryption_options(EncryptionOptions::new(!setup.public, Default::default()));
    let client = mls_rs::Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(crypto)
        .psk_store(psks.clone())
        .mls_rules(rules)
        .signing_identity(SigningIdentity::new(credential, public), secret, suite)
        .build();
    Ok(Box::new(MlsRs { client, psks, group: None }))
}

impl<C: MlsConfig> MlsRs<C> {
    fn group(&mut self) -> Fallible<&mut Group<C>> {
        Ok(self.group.as_mut().ok_or("not in a group")?)
    }
}

impl<C: MlsConfig> Client for MlsRs<C> {
    fn key_package(&mut self) -> Fallible<Vec<u8>> {
        let none = ExtensionList::default;
        Ok(self.client.generate_key_package_message(none(), none(), None)?.to_bytes()?)
    }

    fn create_group(&mut self, id: &[u8]) -> Fallible<()> {
        let none = ExtensionList::default;
        self.group = Some(self.client.create_group_with_id(id.to_vec(), none(), none(), None)?);
        Ok(())
    }

    fn join(&mut self, welcome: &[u8]) -> Fallible<()> {
        let (group, _) = self.client.join_group(None, &MlsMessage::from_bytes(welcome)?, None)?;
        self.group = Some(group);
        Ok(())
    }

    fn external_join(&mut self, group_info: &[u8]) -> Fallible<Vec<u8>> {
        let (group, commit) = self.client.commit_external(MlsMessage::from_bytes(group_info)?)?;
        self.group = Some(group);
        Ok(commit.to_bytes()?)
    }

    fn register_psk(&mut self, id: &[u8], value: &[u8]) -> Fallible<()> {
        self.psks.insert(ExternalPskId::new(id.to_vec()), value.to_vec().into());
        Ok(())
    }

    fn propose(&mut self, proposal: &Proposed) -> Fallible<Vec<u8>> {
        let (group, nothing) = (self.group()?, Vec::new());
        let message = match proposal {
            Proposed::Add { key_package } => {
                group.propose_add(MlsMessage::from_bytes(&key_package.0)?, nothing)?
            }
            Proposed::Remove { leaf } => group.propose_remove(*leaf, nothing)?,
            Proposed::Psk { id } => group.propose_external_psk(ExternalPskId::new(id.0.clone()), nothing)?,
            Proposed::Update => group.propose_update(nothing)?,
        };
        Ok(message.to_bytes()?)
    }

    fn commit(&mut self, proposals: &[Proposed]) -> Fallible<Committed> {
        let mut builder = self.group()?.commit_builder();
        for proposal in proposals {
            builder = match proposal {
                Proposed::Add { key_package } => {
                    builder.add_member(MlsMessage::from_bytes(&key_package.0)?)?
                }
                Proposed::Remove { leaf } => builder.remove_member(*leaf)?,
                Proposed::Psk { id } => builder.add_external_psk(ExternalPskId::new(id.0.clone()))?,
                Proposed::Update => return Err("no Update in a commit of one's own".into()),
            };
        }
        let made = builder.build()?;
        let welcome = made.welcome_messages().first().map(|message| message.to_bytes()).transpose()?;
        Ok(Committed { message: Bytes(made.commit_message().to_bytes()?), welcome: welcome.map(Bytes) })
    }

    fn accept(&mut self) -> Fallible<()> {
        self.group()?.apply_pending_commit()?;
        Ok(())
    }

    fn discard(&mut self) -> Fallible<()> {
        self.group()?.clear_pending_commit();
        Ok(())
    }

    fn process(&mut self, message: &[u8]) -> Fallible<Outcome> {
        match self.group()?.process_incoming_message(MlsMessage::from_bytes(message)?)? {
            ReceivedMessage::ApplicationMessage(message) => Ok(Outcome::Application {
                data: Bytes(message.data().to_vec()),
                sender: message.sender_index,
            }),
            ReceivedMessage::Proposal(_) => Ok(Outcome::Proposal),
            ReceivedMessage::Commit(commit) => match commit.effect {
                CommitEffect::NewEpoch(_) => Ok(Outcome::Commit),
                CommitEffect::Removed { .. } => Ok(Outcome::Removed),
                CommitEffect::ReInit(_) => Err("a ReInit, which nobody sends".into()),
            },
            _ => Err("another kind of message".into()),
        }
    }

    fn encrypt(&mut self, data: &[u8]) -> Fallible<Vec<u8>> {
        Ok(self.group()?.encrypt_application_message(data, Vec::new())?.to_bytes()?)
    }

    fn group_info(&mut self) -> Fallible<Vec<u8>> {
        Ok(self.group()?.group_info_message_allowing_ext_commit(true)?.to_bytes()?)
    }

    fn export(&mut self, label: &str, context: &[u8], length: usize) -> Fallible<Vec<u8>> {
        Ok(self.group()?.export_secret(label.as_bytes(), context, length)?.as_bytes().to_vec())
    }

    fn state(&mut self) -> Fallible<State> {
        let group = self.group()?;
        let members = group.roster().members_iter().map(|member| {
            let basic = member.signing_identity.credential.as_basic().ok_or("not a basic credential")?;
            Ok(protocol::Member { leaf: member.index, identity: Bytes(basic.identifier().to_vec()) })
        });
        Ok(State {
            epoch: group.current_epoch(),
            leaf: group.current_member_index(),
            authenticator: Bytes(group.epoch_authenticator()?.as_bytes().to_vec()),
            tree_hash: Bytes(group.context().tree_hash.to_vec()),
            members: members.collect::<Fallible<Vec<_>>>()?,
        })
    }
}
