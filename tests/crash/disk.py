"""A disk, as the journal of powerloss.c tells it: what it must hold, and what it holds after the power went.

What was not synced is lost, torn at sectors or done in another order. A file's sync covers its bytes and its size, not
its name; a folder's sync covers the names in it, and of a rename both. Names that no folder's sync covers may come and
go each by itself, in an order that a journalling file system could have left."""
import os
import shutil
import struct

HEAD = struct.Struct('=IIQQ')
CREATE, MKDIR, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, RMDIR, STRANGE = range(1, 10)


class Strange(Exception):
    """The program did what the journal cannot tell."""


class File:
    def __init__(self, content=b''):
        self.now, self.disk = bytearray(content), bytearray(content)
        self.pending = []  # (position in the journal, offset, bytes), or (position, size, None) for a new size

    def write(self, at, offset, content):
        put(self.now, offset, content)
        self.pending.append((at, offset, content))

    def resize(self, at, size):
        fit(self.now, size)
        self.pending.append((at, size, None))

    def sync(self, before):
        for _, where, content in self.before(before):
            if content is None:
                fit(self.disk, where)
            else:
                put(self.disk, where, content)
        self.pending = [one for one in self.pending if one[0] >= before]

    def before(self, before):
        return [one for one in self.pending if one[0] < before]

    def after_loss(self, luck):
        """Its bytes on the disk. A new size that is lost takes with it what was written beyond it since."""
        content = bytearray(self.disk)
        kept = self.without_lost_sizes(luck)
        sizes, forced, size = [len(content)], 0, len(content)
        for _, where, data in kept:
            size = where if data is None else max(size, where + len(data))
            sizes.append(size)
            forced = len(sizes) - 1 if data is None else forced
        over = {}  # sectors of which a write was lost: what came later to them is, too
        for _, where, data in kept:
            if data is None:
                fit(content, where)
                over = {sector: True for sector in over if sector * luck.sector < where}
                continue
            for start, end in sectors(where, len(data), luck.sector):
                sector = start // luck.sector
                if sector not in over and luck.data_stays():
                    put(content, start, data[start - where:end - where])
                else:
                    over[sector] = True
        fit(content, luck.one_of(sizes[forced:]))
        return content

    def without_lost_sizes(self, luck):
        sizes = [i for i, one in enumerate(self.pending) if one[2] is None]
        lost = next((i for i in sizes if not luck.data_stays()), None)
        if lost is None:
            return self.pending
        edge = self.pending[lost][1]
        late = [(at, where, data[:edge - where]) for at, where, data in self.pending[lost + 1:]
                if data is not None and where < edge]
        return self.pending[:lost] + late


class Folder:
    def __init__(self):
        self.now, self.disk = {}, {}


def put(content, offset, data):
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset:offset + len(data)] = data


def fit(content, size):
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


def sectors(offset, n, size):
    start = offset
    while start < offset + n:
        end = min(offset + n, (start // size + 1) * size)
        yield start, end
        start = end


class Luck:
    """How one loss of power goes: nothing of what waits is written, all of it, or parts. `nothing`: the first."""

    def __init__(self, random, nothing=False):
        self.random = random
        self.sector = random.choice((512, 512, 4096))
        self.data = random.choice((0, 0.02, 0.5, 0.9, 0.98, 1, random.random()))
        self.names = random.choice((0, 0.5, 1, random.random()))
        if nothing:
            self.data = self.names = 0

    def data_stays(self):
        return self.random.random() < self.data

    def name_stays(self):
        return self.random.random() < self.names

    def one_of(self, choices):
        """The first when nothing is written, the last when all is."""
        if self.data in (0, 1):
            return choices[-1 if self.data else 0]
        return self.random.choice(choices)


class Disk:
    """Everything below `folder`. One that lies says that it has synced and has not."""

    def __init__(self, folder):
        self.folder, self.lies = folder, False
        self.root = Folder()
        self.names = []  # (position, [(folder, name, what is there then or None)])
        self.files = {}  # by inode
        self.at = 0
        self.take_inodes()

    def take_inodes(self):
        """Of a folder that holds what we hold: they are what the journal calls files by."""
        self.files, self.at = {}, 0

        def take(node, path):
            self.files[os.stat(path).st_ino] = node
            if isinstance(node, Folder):
                for name, below in node.now.items():
                    take(below, os.path.join(path, name))
        take(self.root, self.folder)

    def find(self, path):
        folder, parts = self.root, path.split('/')
        for part in parts[:-1]:
            folder = folder.now[part]
        return folder, parts[-1]

    def rename(self, *changes):
        self.names.append((self.at, changes))
        for folder, name, node in changes:
            if node is None:
                folder.now.pop(name, None)
            else:
                folder.now[name] = node

    def play(self, journal):
        """Everything in the journal; a last note that the kill cut is none. The number of notes."""
        with open(journal, 'rb') as file:
            told = file.read()
        position = 0
        while position + HEAD.size <= len(told):
            note, n, inode, where = HEAD.unpack_from(told, position)
            position += HEAD.size
            if position + n > len(told):
                break
            self.play_one(note, inode, where, told[position:position + n])
            position += n
            self.at += 1
        return self.at

    def play_one(self, note, inode, where, data):
        if note == WRITE:
            self.files[inode].write(self.at, where, data)
        elif note == TRUNCATE:
            self.files[inode].resize(self.at, where)
        elif note == SYNC and self.lies:
            pass
        elif note == SYNC:
            self.sync(self.files[inode], where)
        elif note == STRANGE:
            raise Strange(data.rstrip(b'\0').decode())
        else:
            self.play_name(note, inode, [path.decode() for path in data.split(b'\0')[:-1]])

    def play_name(self, note, inode, paths):
        folder, name = self.find(paths[0])
        if note in (CREATE, MKDIR):
            self.files[inode] = File() if note == CREATE else Folder()
            self.rename((folder, name, self.files[inode]))
        elif note == RENAME:
            self.rename((folder, name, None), (*self.find(paths[1]), folder.now[name]))
        else:
            self.rename((folder, name, None))

    def sync(self, node, before):
        if isinstance(node, File):
            node.sync(before)
            return
        wanted, kept, done = set(), [], []
        for at, changes in reversed(self.names):
            places = {(id(folder), name) for folder, name, _ in changes}
            if places & wanted or (at < before and any(folder is node for folder, _, _ in changes)):
                wanted |= places
                done.append(changes)
            else:
                kept.append((at, changes))
        self.names = kept[::-1]
        for changes in reversed(done):
            to_disk(changes)

    def lose_power(self, luck):
        """Only the disk is left; the folder is made to hold it. A change of names can have stayed only if those before
        it that touch the same names did."""
        lost = set()
        for _, changes in self.names:
            places = {(id(folder), name) for folder, name, _ in changes}
            if not places & lost and luck.name_stays():
                to_disk(changes)
            else:
                lost |= places
        self.names = []
        self.settle(self.root, luck, self.folder, set(self.differences()))
        self.take_inodes()

    def settle(self, node, luck, path, differ):
        """Makes the folder hold what is left of it. Files that are there as they are to be are let be."""
        if isinstance(node, File):
            if node.pending or path in differ or self.files.get(inode(path)) is not node:
                node.disk = node.after_loss(luck)
                node.now, node.pending = bytearray(node.disk), []
                remove(path)
                with open(path, 'wb') as file:
                    file.write(node.now)
                os.chmod(path, 0o600)
            return
        if not os.path.isdir(path):
            remove(path)
            os.mkdir(path, 0o700)
        node.now = dict(node.disk)
        for name in set(os.listdir(path)) - set(node.now):
            remove(os.path.join(path, name))
        for name, below in node.now.items():
            self.settle(below, luck, os.path.join(path, name), differ)

    def differences(self):
        """Paths of which the folder does not hold what the journal told: something went by it."""
        found = []

        def compare(node, path):
            there = {name for name in os.listdir(path) if not name.endswith('-shm')}
            found.extend(os.path.join(path, name) for name in there ^ set(node.now))
            for name in there & set(node.now):
                below, where = node.now[name], os.path.join(path, name)
                if isinstance(below, Folder):
                    compare(below, where)
                else:
                    with open(where, 'rb') as file:
                        if file.read() != below.now:
                            found.append(where)
        compare(self.root, self.folder)
        return found


def to_disk(changes):
    for folder, name, node in changes:
        if node is None:
            folder.disk.pop(name, None)
        else:
            folder.disk[name] = node


def inode(path):
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)
