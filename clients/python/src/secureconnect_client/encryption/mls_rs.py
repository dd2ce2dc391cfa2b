"""The engine by mls-rs, through agentvault-mls-rs-uniffi (the extra `encryption`), with cipher suite 1 only.

The binding keeps private parts of key packages in memory only, so those uploaded before a restart are
useless. It offers no list of a group's members, so this module reads them from the exported tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import mls_rs_uniffi as mls

from secureconnect_client.encryption import tls
from secureconnect_client.encryption.engine import Commit, Received
from secureconnect_client.encryption.errors import CannotDecrypt, NotInGroup
from secureconnect_client.encryption.tls import Leaf
from secureconnect_client.encryption.vault import Vault

_KEY_BYTES = 32
_EPOCHS_KEPT = 3


class _Storage(mls.GroupStateStorage):  # type: ignore[misc] # the binding has no types
    """Groups in the vault: the present state of each, and the data to read messages of its last epochs."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.place = "group"  # or "pending-group": the state with a pending commit

    def state(self, group_id: bytes) -> bytes | None:
        return self._vault.get(f"{self.place}/{group_id.decode()}")

    def epoch(self, group_id: bytes, epoch_id: int) -> bytes | None:
        return self._vault.get(_epoch_name(group_id, epoch_id))

    def write(
        self, group_id: bytes, group_state: bytes, epoch_inserts: list[Any], epoch_updates: list[Any]
    ) -> None:
        for record in (*epoch_inserts, *epoch_updates):
            self._vault.put(_epoch_name(group_id, record.id), record.data)
        for name in self._vault.names(_epoch_name(group_id))[:-_EPOCHS_KEPT]:
            self._vault.remove(name)
        self._vault.put(f"{self.place}/{group_id.decode()}", group_state)

    @contextmanager
    def apart(self, is_pending: bool) -> Iterator[None]:
        """Inside this context, read and write the state with a pending commit if `is_pending`."""
        self.place = "pending-group" if is_pending else "group"
        try:
            yield
        finally:
            self.place = "group"

    def max_epoch_id(self, group_id: bytes) -> int | None:
        names = self._vault.names(_epoch_name(group_id))
        return int(names[-1].rpartition("/")[2]) if names else None


def _epoch_name(group_id: bytes, epoch: int | None = None) -> str:
    return f"epoch/{group_id.decode()}/" + ("" if epoch is None else f"{epoch:016d}")


class MlsRsEngine:
    """A device whose identity is in the vault; it is created if it is missing."""

    def __init__(self, vault: Vault, *, user_id: str, device_id: str) -> None:
        self._vault = vault
        kept = vault.get("signature")
        suite = mls.CipherSuite.CURVE25519_AES128
        if kept is None:
            pair = mls.generate_signature_keypair(suite)
            vault.put("signature", pair.public_key.bytes + pair.secret_key.bytes)
        else:
            public, secret = kept[:_KEY_BYTES], kept[_KEY_BYTES:]
            pair = _pair(public, secret)
        self.signature_key: bytes = pair.public_key.bytes
        self._storage = _Storage(vault)
        config = mls.ClientConfig(group_state_storage=self._storage, use_ratchet_tree_extension=True)
        self._client = mls.Client(f"{user_id}/{device_id}".encode(), pair, config)

    def key_package(self) -> bytes:
        return bytes(self._client.generate_key_package_message().to_bytes())

    def create(self, group_id: str) -> MlsRsGroup:
        return self._of(self._client.create_group(group_id.encode()))

    def join(self, welcome: bytes) -> MlsRsGroup:
        try:
            return self._of(self._client.join_group(None, mls.Message.from_bytes(welcome)).group)
        except mls.Error as error:
            raise CannotDecrypt(f"the Welcome cannot be opened: {error}") from error

    def load(self, group_id: str, *, with_pending: bool = False) -> MlsRsGroup:
        with self._storage.apart(with_pending):
            if self._storage.state(group_id.encode()) is None:
                raise NotInGroup(f"this device is not in the group of {group_id}")
            return self._of(self._client.load_group(group_id.encode()))

    def _of(self, group: Any) -> MlsRsGroup:
        return MlsRsGroup(group, self._storage)


class MlsRsGroup:
    """A group of mls-rs."""

    def __init__(self, group: Any, storage: _Storage) -> None:
        self._group = group
        self._storage = storage
        self._leaves: list[Leaf] | None = None

    def leaves(self) -> list[Leaf]:
        if self._leaves is None:
            self._leaves = tls.leaves_of_tree(self._group.export_tree().bytes)
        return self._leaves

    def add(self, packages: Sequence[bytes]) -> Commit:
        messages = [mls.Message.from_bytes(each) for each in packages]
        return self._commit(lambda: self._group.add_members(messages))

    def remove(self, leaves: Sequence[Leaf]) -> Commit:
        return self._commit(lambda: self._group.remove_members([_identity(each) for each in leaves]))

    def update(self) -> Commit:
        return self._commit(self._group.commit)

    def _commit(self, make: Any) -> Commit:
        try:
            made = make()
        except mls.Error as error:
            raise CannotDecrypt(f"no commit could be made: {error}") from error
        welcome = None if made.welcome_message is None else bytes(made.welcome_message.to_bytes())
        return Commit(bytes(made.commit_message.to_bytes()), welcome)

    def encrypt(self, data: bytes) -> bytes:
        return bytes(self._group.encrypt_application_message(data).to_bytes())

    def receive(self, message: bytes) -> Received:
        before = self.leaves()
        try:
            got = self._group.process_incoming_message(mls.Message.from_bytes(message))
        except mls.Error as error:
            raise CannotDecrypt(str(error)) from error
        if got.is_application_message():
            return Received(_known(got.sender, before), bytes(got.data))
        if got.is_commit():
            self._leaves = None
            return Received(_known(got.committer, before), None, removed=got.effect.is_removed())
        return Received(None, None)

    def export_secret(self, label: str, length: int) -> bytes:
        return bytes(self._group.export_secret(label.encode(), b"", length))

    def save(self) -> None:
        self._group.write_to_storage()

    def save_pending(self) -> None:
        with self._storage.apart(True):
            self._group.write_to_storage()


def _pair(public: bytes, secret: bytes) -> Any:
    return mls.SignatureKeypair(
        cipher_suite=mls.CipherSuite.CURVE25519_AES128,
        public_key=mls.SignaturePublicKey(bytes=public),
        secret_key=mls.SignatureSecretKey(bytes=secret),
    )


@lru_cache(maxsize=4096)
def _identity(leaf: Leaf) -> Any:
    """A device as the binding identifies it.

    The binding makes identities for clients only, so this uses a client without a secret.
    """
    name = f"{leaf.user_id}/{leaf.device_id}".encode()
    pair = _pair(leaf.signature_key, bytes(2 * _KEY_BYTES))
    return mls.Client(name, pair, mls.client_config_default()).signing_identity()


def _known(identity: Any, leaves: Sequence[Leaf]) -> Leaf | None:
    return next((leaf for leaf in leaves if _identity(leaf) == identity), None)
