import ForetokenFiles
import ForetokenPlatform

/// A regular file to read documents from.
struct CorpusFile: Sendable {
    /// Where it is; a name need not be UTF-8.
    let path: [UInt8]
    /// Bytes on the disk.
    let size: Int
    /// Nanoseconds of its last change.
    let changed: Int
    /// Named by the user, and not found in a folder.
    let isNamed: Bool

    /// The path to show.
    var shown: String { String(decoding: path, as: UTF8.self).shortenedForMessage(limit: 300) }
    /// The file's own name.
    var name: ArraySlice<UInt8> { path[((path.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...] }
    /// Whether its name is that of a compressed file.
    var isNamedPacked: Bool { endings.last.map(Self.packed.contains) ?? false }
    /// The ending in lower case without the dot, that of compression aside; empty where there is none.
    var ending: String { endings.last { !Self.packed.contains($0) } ?? "" }

    private static let packed: Set = ["gz", "zst", "zstd"]
    private var endings: [String] {
        name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).dropFirst()
            .map { String(decoding: $0, as: UTF8.self).lowercased() }
    }
}

/// Which files of a folder count.
struct WalkFilter: Sendable {
    /// Endings without the dot; nil for all.
    var fileExtensions: Set<String>?
    /// In a folder a file must match one of these, or lie in a folder that does; none: all files.
    var include: [String] = []
    /// What matches one of these is left out, folders with all that is in them.
    var exclude: [String] = []
    /// Whether `.gitignore` files and a repository's `.git/info/exclude` count.
    var honoursGitignore = true
    /// Whether files that programs wrote are left out by their names.
    var skipsGenerated = true
}

/// Walks files and folders in the order of their paths' bytes, one folder's names in memory at a time with those of the
/// folders above it. Hidden names and symbolic links are not followed, so there are no loops.
struct SourceWalk {
    /// What was passed over, by reason.
    private(set) var skipped: [String: Int] = [:]

    private struct Entry {
        let name: [UInt8]
        let isFolder: Bool
        /// `a.py` comes before what is in `a/`, as in the order of whole paths.
        var key: [UInt8] { isFolder ? name + [UInt8(ascii: "/")] : name }
    }
    private struct Folder {
        /// With the slash at its end.
        let path: [UInt8]
        /// Where the path below the named folder begins.
        let root: Int
        let isIncluded: Bool
        /// The next one last.
        var entries: [Entry]
        /// From the outermost folder to this one.
        let rules: [(base: Int, rules: IgnoreRules)]
    }
    private let filter: WalkFilter
    private let include: IgnoreRules
    private let exclude: IgnoreRules
    /// The next one last.
    private var inputs: [[UInt8]]
    private var folders: [Folder] = []

    /// - Throws: ``PreparationError/missing(_:)``.
    init(_ inputs: [URL], filter: WalkFilter) throws(PreparationError) {
        self.filter = filter
        include = IgnoreRules(filter.include)
        exclude = IgnoreRules(filter.exclude)
        var paths: [[UInt8]] = []
        for input in inputs {
            guard let resolved = realpath(input.path, nil) else { throw .missing(input.relativePath) }
            paths.append(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)).map { $0 })
            free(resolved)
        }
        self.inputs = paths.sorted { $1.lexicographicallyPrecedes($0) }
    }

    /// The next file.
    mutating func next() -> CorpusFile? {
        while true {
            guard let folder = folders.indices.last else {
                guard let input = inputs.popLast() else { return nil }
                if let file = open(input, isNamed: true) { return file }
                continue
            }
            guard let entry = folders[folder].entries.popLast() else {
                folders.removeLast()
                continue
            }
            if let file = visit(entry, in: folders[folder]) { return file }
        }
    }

    private mutating func skip(_ reason: String) { skipped[reason, default: 0] += 1 }

    private mutating func visit(_ entry: Entry, in folder: Folder) -> CorpusFile? {
        let path = folder.path + entry.name
        let below = path[folder.root...]
        if exclude.verdict(on: below, isFolder: entry.isFolder) == true { return nil }
        let isIncluded =
            folder.isIncluded || include.isEmpty || include.verdict(on: below, isFolder: entry.isFolder) == true
        let isIgnored = folder.rules.reversed().lazy
            .compactMap { $0.rules.verdict(on: path[$0.base...], isFolder: entry.isFolder) }.first
        if entry.isFolder {
            if isIgnored == true { skip("ignored by .gitignore") } else { descend(path, folder, isIncluded) }
            return nil
        }
        guard isIncluded else { return nil }
        let candidate = CorpusFile(path: path, size: 0, changed: 0, isNamed: false)
        if let wanted = filter.fileExtensions, !wanted.contains(candidate.ending) { return nil }
        guard isIgnored != true else {
            skip("ignored by .gitignore")
            return nil
        }
        if filter.skipsGenerated, GeneratedFiles.isGenerated(name: candidate.name) {
            skip("generated")
            return nil
        }
        return open(path, isNamed: false)
    }

    /// A regular file; a named folder is walked; what is neither is counted.
    private mutating func open(_ path: [UInt8], isNamed: Bool) -> CorpusFile? {
        var status = stat()
        guard withCPath(path, { lstat($0, &status) }) == 0 else {
            skip("unreadable")
            return nil
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            return CorpusFile(
                path: path, size: Int(status.st_size),
                changed: status.st_mtim.tv_sec &* 1_000_000_000 &+ status.st_mtim.tv_nsec, isNamed: isNamed)
        case S_IFDIR where isNamed: enter(path)
        case S_IFLNK: skip("symbolic links")
        default: skip("no regular file")
        }
        return nil
    }

    /// Starts with a named folder: the rules of the repository around it count too, but never against the folder itself.
    private mutating func enter(_ path: [UInt8]) {
        let path = path.last == UInt8(ascii: "/") ? path : path + [UInt8(ascii: "/")]
        var rules: [(Int, IgnoreRules)] = []
        if filter.honoursGitignore, let repository = Self.repository(around: path) {
            if let text = read(path.prefix(repository) + Array(".git/info/exclude".utf8)) {
                rules.append((repository, IgnoreRules(parsing: text)))
            }
            // That of the named folder itself is read when its names are.
            for base in path.indices.dropLast() where path[base] == UInt8(ascii: "/") && base + 1 >= repository {
                if let text = read(path[...base] + Array(".gitignore".utf8)) {
                    rules.append((base + 1, IgnoreRules(parsing: text)))
                }
            }
        }
        push(path, root: path.count, isIncluded: false, rules)
    }

    private mutating func descend(_ path: [UInt8], _ parent: Folder, _ isIncluded: Bool) {
        push(path + [UInt8(ascii: "/")], root: parent.root, isIncluded: isIncluded && !include.isEmpty, parent.rules)
    }

    private mutating func push(
        _ path: [UInt8], root: Int, isIncluded: Bool, _ above: [(base: Int, rules: IgnoreRules)]
    ) {
        guard let stream = withCPath(path, { opendir($0) }) else {
            skip("unreadable folders")
            return
        }
        defer { closedir(stream) }
        var entries: [Entry] = []
        var rules = above
        while let next = readdir(stream) {
            let name = withUnsafePointer(to: &next.pointee.d_name) {
                UnsafeRawBufferPointer(
                    start: $0, count: strnlen(UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self), 256)
                )
                .map { $0 }
            }
            if filter.honoursGitignore, name == Array(".gitignore".utf8), let text = read(path + name) {
                rules.append((path.count, IgnoreRules(parsing: text)))
            }
            guard name.first != UInt8(ascii: ".") else { continue }
            var isFolder = next.pointee.d_type == UInt8(DT_DIR)
            if next.pointee.d_type == UInt8(DT_UNKNOWN) {
                var status = stat()
                isFolder = withCPath(path + name) { lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
            }
            entries.append(Entry(name: name, isFolder: isFolder))
        }
        entries.sort { $1.key.lexicographicallyPrecedes($0.key) }
        folders.append(Folder(path: path, root: root, isIncluded: isIncluded, entries: entries, rules: rules))
    }

    /// The length of the path of the nearest folder at or above this one that has a `.git`.
    private static func repository(around path: [UInt8]) -> Int? {
        path.indices.reversed().first { index in
            guard path[index] == UInt8(ascii: "/") else { return false }
            return withCPath(path[...index] + Array(".git".utf8)) { access($0, F_OK) } == 0
        }.map { $0 + 1 }
    }

    /// A file of rules; as git does, a link is not followed. Rules that cannot be read are counted.
    private mutating func read(_ path: some Collection<UInt8>) -> [UInt8]? {
        let limit = 1 << 20
        do throws(FileFailure) {
            let file = try openRegularFile(Array(path), followingLinks: false)
            defer { close(file.descriptor) }
            let text = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
                while count < limit {
                    let got = systemRead(file.descriptor, buffer.baseAddress.map { $0 + count }, limit - count)
                    if got <= 0 { break }
                    count += got
                }
            }
            if text.count < limit { return text }
        } catch {
            if error.isMissing { return nil }
        }
        skip("unreadable rules of git")
        return nil
    }
}

/// The system's `read`, where a method has its name.
private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}
