import ForetokenFiles
import ForetokenPlatform

/// A regular file with documents.
struct CorpusFile: Sendable {
    /// The path as bytes; it need not be UTF-8.
    let path: [UInt8]
    /// The file size in bytes.
    let size: Int
    /// The modification time in nanoseconds.
    let changed: Int
    /// Whether the user named the file, as opposed to a folder that contains it.
    let isNamed: Bool

    /// The path for messages.
    var shown: String { String(decoding: path, as: UTF8.self).shortenedForMessage(limit: 300) }
    /// The last path component.
    var name: ArraySlice<UInt8> { path[((path.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...] }
    /// Whether the file extension is that of a compressed file.
    var isNamedPacked: Bool { endings.last.map(Self.packed.contains) ?? false }
    /// The file extension in lower case without the dot, ignoring that of compression; empty if there is none.
    var ending: String { endings.last { !Self.packed.contains($0) } ?? "" }

    private static let packed: Set = ["gz", "zst", "zstd"]
    private var endings: [String] {
        name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).dropFirst()
            .map { String(decoding: $0, as: UTF8.self).lowercased() }
    }
}

/// Selects files in folders; see ``CorpusPreparation``.
struct WalkFilter: Sendable {
    /// File extensions without the dot; nil for all.
    var fileExtensions: Set<String>?
    /// Patterns of files and folders to read; empty for all.
    var include: [String] = []
    /// Patterns of files and folders to skip.
    var exclude: [String] = []
    /// Whether `.gitignore` files and the repository's `.git/info/exclude` apply.
    var honoursGitignore = true
    /// Whether files with names of generated files are skipped.
    var skipsGenerated = true
}

/// Walks files and folders in byte order of their paths. Holds only the names in the current folder and its parents. Skips hidden
/// names and symbolic links, so there are no cycles.
struct SourceWalk {
    /// The number of skipped files and folders, by reason.
    private(set) var skipped: [String: Int] = [:]

    private struct Entry {
        let name: [UInt8]
        let isFolder: Bool
        /// The sort key: with the slash, `a.py` comes before the contents of `a/`, as in the order of whole paths.
        var key: [UInt8] { isFolder ? name + [UInt8(ascii: "/")] : name }
    }
    private struct Folder {
        /// The path with a trailing slash.
        let path: [UInt8]
        /// The offset at which the path relative to the user's folder starts.
        let root: Int
        let isIncluded: Bool
        /// The remaining entries in reverse order.
        var entries: [Entry]
        /// The rules that apply, outermost folder first, with the offset at which the relative path starts.
        let rules: [(base: Int, rules: IgnoreRules)]
    }
    private let filter: WalkFilter
    private let include: IgnoreRules
    private let exclude: IgnoreRules
    /// The remaining inputs in reverse order.
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

    /// The next file; nil at the end.
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
        let relative = path[folder.root...]
        if exclude.verdict(on: relative, isFolder: entry.isFolder) == true { return nil }
        let isIncluded =
            folder.isIncluded || include.isEmpty || include.verdict(on: relative, isFolder: entry.isFolder) == true
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

    /// Returns a regular file, or enters a folder named by the user; anything else is counted as skipped.
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

    /// Enters a folder named by the user. Rules of the enclosing repository apply to its contents, but not to the folder itself.
    private mutating func enter(_ path: [UInt8]) {
        let path = path.last == UInt8(ascii: "/") ? path : path + [UInt8(ascii: "/")]
        var rules: [(Int, IgnoreRules)] = []
        if filter.honoursGitignore, let repository = Self.repository(around: path) {
            if let text = read(path.prefix(repository) + Array(".git/info/exclude".utf8)) {
                rules.append((repository, IgnoreRules(parsing: text)))
            }
            // The folder's own .gitignore is read in `push`.
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

    /// The length of the path of the closest enclosing folder with a `.git`.
    private static func repository(around path: [UInt8]) -> Int? {
        path.indices.reversed().first { index in
            guard path[index] == UInt8(ascii: "/") else { return false }
            return withCPath(path[...index] + Array(".git".utf8)) { access($0, F_OK) } == 0
        }.map { $0 + 1 }
    }

    /// Reads a file of ignore rules. Like git, does not follow symbolic links. An unreadable file is counted as skipped.
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

/// The system call `read`, inside a type with a method of that name.
private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}
