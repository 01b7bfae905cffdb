//! OpenMLS, over its RustCrypto back end.

use openmls::prelude::tls_codec::{DeserializeBytes, Serialize};
use openmls::prelude::*;
use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;

use crate::protocol::{self, Bytes, Client, Committed, Fallible, Outcome, Proposed, Setup, State};

/// Past epochs, skipped generations and steps ahead that the histories may need.
const PAST_EPOCHS: usize = 5;
const OUT_OF_ORDER: u32 = 100;
const FORWARD: u32 = 1000;

struct OpenMls {
    provider: OpenMlsRustCrypto,
    suite: Ciphersuite,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
    policy: WireFormatPolicy,
    always_path: bool,
    group: Option<MlsGroup>,
}

pub fn create(setup: &Setup) -> Fallible<Box<dyn Client>> {
    let provider = OpenMlsRustCrypto::default();
    let suite = Ciphersuite::try_from(setup.suite)?;
    let signer = SignatureKeyPair::new(suite.signature_algorithm())?;
    signer.store(provider.storage()).map_err(|error| format!("{error:?}"))?;
    let credential = CredentialWithKey {
        credential: BasicCredential::new(setup.identity.0.clone()).into(),
        signature_key: signer.public().into(),
    };
    let policy = match setup.public {
        true => MIXED_PLAINTEXT_WIRE_FORMAT_POLICY,
        false => MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY,
    };
    let always_path = setup.always_path;
    Ok(Box::new(OpenMls { provider, suite, signer, credential, policy, always_path, group: None }))
}

impl OpenMls {
    fn join_config(&self) -> MlsGroupJoinConfig {
        MlsGroupJoinConfig::builder()
            .wire_format_policy(self.policy)
            .max_past_epochs(PAST_EPOCHS)
            .use_ratchet_tree_extension(true)
            .sender_ratchet_configuration(SenderRatchetConfiguration::new(OUT_OF_ORDER, FORWARD))
            .build()
    }

    fn psk_id(&self, id: &[u8]) -> Fallible<PreSharedKeyId> {
        let psk = Psk::External(ExternalPsk::new(id.to_vec()));
        Ok(PreSharedKeyId::new(self.suite, self.provider.rand(), psk)?)
    }

    fn read_key_package(&self, message: &[u8]) -> Fallible<KeyPackage> {
        match body(message)? {
            MlsMessageBodyIn::KeyPackage(unchecked) => {
                Ok(unchecked.validate(self.provider.crypto(), ProtocolVersion::Mls10)?)
            }
            _ => Err("not a KeyPackage".into()),
        }
    }
}

impl Client for OpenMls {
    fn key_package(&mut self) -> Fallible<Vec<u8>> {
        let builder = KeyPackage::builder();
        let made = builder.build(self.suite, &self.provider, &self.signer, self.credential.clone())?;
        Ok(MlsMessageOut::from(made.into_key_package()).tls_serialize_detached()?)
    }

    fn create_group(&mut self, id: &[u8]) -> Fallible<()> {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(self.suite)
            .wire_format_policy(self.policy)
            .max_past_epochs(PAST_EPOCHS)
            .use_ratchet_tree_extension(true)
            .sender_ratchet_configuration(SenderRatchetConfiguration::new(OUT_OF_ORDER, FORWARD))
            .build();
        let (id, credential) = (GroupId::from_slice(id), self.credential.clone());
        self.group =
            Some(MlsGroup::new_with_group_id(&self.provider, &self.signer, &config, id, credential)?);
        Ok(())
    }

    fn join(&mut self, welcome: &[u8]) -> Fallible<()> {
        let MlsMessageBodyIn::Welcome(welcome) = body(welcome)? else {
            return Err("not a Welcome".into());
        };
        let staged = StagedWelcome::new_from_welcome(&self.provider, &self.join_config(), welcome, None)?;
        self.group = Some(staged.into_group(&self.provider)?);
        Ok(())
    }

    fn external_join(&mut self, group_info: &[u8]) -> Fallible<Vec<u8>> {
        let MlsMessageBodyIn::GroupInfo(group_info) = body(group_info)? else {
            return Err("not a GroupInfo".into());
        };
        let (group, bundle) = MlsGroup::external_commit_builder()
            .with_config(self.join_config())
            .build_group(&self.provider, group_info, self.credential.clone())?
            .load_psks(self.provider.storage())?
            .build(self.provider.rand(), self.provider.crypto(), &self.signer, |_| true)?
            .finalize(&self.provider)?;
        self.group = Some(group);
        Ok(bundle.into_commit().to_bytes()?)
    }

    fn register_psk(&mut self, id: &[u8], value: &[u8]) -> Fallible<()> {
        Ok(self.psk_id(id)?.store(&self.provider, value)?)
    }

    fn propose(&mut self, proposal: &Proposed) -> Fallible<Vec<u8>> {
        let propose = match proposal {
            Proposed::Add { key_package } => Propose::Add(self.read_key_package(&key_package.0)?),
            Proposed::Remove { leaf } => Propose::Remove(*leaf),
            Proposed::Psk { id } => Propose::PreSharedKey(self.psk_id(&id.0)?),
            Proposed::Update => Propose::Update(LeafNodeParameters::default()),
        };
        let group = joined(&mut self.group)?;
        let by = ProposalOrRefType::Reference;
        let (message, _) = group.propose(&self.provider, &self.signer, propose, by)?;
        Ok(message.to_bytes()?)
    }

    fn commit(&mut self, proposals: &[Proposed]) -> Fallible<Committed> {
        let (mut added, mut removed, mut psks) = (Vec::new(), Vec::new(), Vec::new());
        for proposal in proposals {
            match proposal {
                Proposed::Add { key_package } => added.push(self.read_key_package(&key_package.0)?),
                Proposed::Remove { leaf } => removed.push(LeafNodeIndex::new(*leaf)),
                Proposed::Psk { id } => psks.push(PreSharedKeyProposal::new(self.psk_id(&id.0)?)),
                Proposed::Update => return Err("no Update in a commit of one's own".into()),
            }
        }
        let group = joined(&mut self.group)?;
        // A commit of nothing has a path in any case (RFC 9420 §12.4); this builder wants to be told.
        let is_empty = proposals.is_empty() && group.pending_proposals().next().is_none();
        let bundle = group
            .commit_builder()
            .propose_adds(added)
            .propose_removals(removed)
            .add_proposals(psks.into_iter().map(|psk| Proposal::PreSharedKey(Box::new(psk))))
            .force_self_update(self.always_path || is_empty)
            .load_psks(self.provider.storage())?
            .build(self.provider.rand(), self.provider.crypto(), &self.signer, |_| true)?
            .stage_commit(&self.provider)?;
        let (message, welcome, _) = bundle.into_messages();
        let welcome = welcome.map(|message| message.to_bytes()).transpose()?.map(Bytes);
        Ok(Committed { message: Bytes(message.to_bytes()?), welcome })
    }

    fn accept(&mut self) -> Fallible<()> {
        let group = joined(&mut self.group)?;
        Ok(group.merge_pending_commit(&self.provider)?)
    }

    fn discard(&mut self) -> Fallible<()> {
        let group = joined(&mut self.group)?;
        Ok(group.clear_pending_commit(self.provider.storage())?)
    }

    fn process(&mut self, message: &[u8]) -> Fallible<Outcome> {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(message)?.try_into_protocol_message()?;
        let group = joined(&mut self.group)?;
        let processed = group.process_message(&self.provider, message)?;
        let sender = processed.sender().clone();
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => match sender {
                Sender::Member(leaf) => {
                    Ok(Outcome::Application { data: Bytes(message.into_bytes()), sender: leaf.u32() })
                }
                _ => Err("application data from outside".into()),
            },
            ProcessedMessageContent::ProposalMessage(proposal) => {
                group.store_pending_proposal(self.provider.storage(), *proposal)?;
                Ok(Outcome::Proposal)
            }
            ProcessedMessageContent::StagedCommitMessage(commit) => {
                let removed = commit.self_removed();
                group.merge_staged_commit(&self.provider, *commit)?;
                Ok(if removed { Outcome::Removed } else { Outcome::Commit })
            }
            _ => Err("another kind of content".into()),
        }
    }

    fn encrypt(&mut self, data: &[u8]) -> Fallible<Vec<u8>> {
        let group = joined(&mut self.group)?;
        Ok(group.create_message(&self.provider, &self.signer, data)?.to_bytes()?)
    }

    fn group_info(&mut self) -> Fallible<Vec<u8>> {
        let group = joined(&mut self.group)?;
        Ok(group.export_group_info(self.provider.crypto(), &self.signer, true)?.to_bytes()?)
    }

    fn export(&mut self, label: &str, context: &[u8], length: usize) -> Fallible<Vec<u8>> {
        let group = joined(&mut self.group)?;
        Ok(group.export_secret(self.provider.crypto(), label, context, length)?)
    }

    fn state(&mut self) -> Fallible<State> {
        let group = joined(&mut self.group)?;
        let members = group.members().map(|member| protocol::Member {
            leaf: member.index.u32(),
            identity: Bytes(member.credential.serialized_content().to_vec()),
        });
        Ok(State {
            epoch: group.epoch().as_u64(),
            leaf: group.own_leaf_index().u32(),
            authenticator: Bytes(group.epoch_authenticator().as_slice().to_vec()),
            tree_hash: Bytes(group.public_group().group_context().tree_hash().to_vec()),
            members: members.collect(),
        })
    }
}

fn body(message: &[u8]) -> Fallible<MlsMessageBodyIn> {
    Ok(MlsMessageIn::tls_deserialize_exact_bytes(message)?.extract())
}

fn joined(group: &mut Option<MlsGroup>) -> Fallible<&mut MlsGroup> {
    Ok(group.as_mut().ok_or("not in a group")?)
}
