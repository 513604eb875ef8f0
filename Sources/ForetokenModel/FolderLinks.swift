import ForetokenPlatform

/// Links in a model folder: followed inside the folder, and from a snapshot of a hub cache into the cache's `blobs/`.
///
/// A folder that somebody else made may otherwise name any file of the machine, and a conversion would copy it.
enum FolderLinks {
    /// The file or folder with a name in a folder; nil if there is none.
    ///
    /// - Throws: ``ModelError/foreignLink(file:target:)``.
    static func existing(_ name: String, in folder: URL) throws(ModelError) -> URL? {
        let url = folder.appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        try check(url, in: folder)
        return url
    }

    /// Checks where a file of a folder lies in truth.
    ///
    /// - Throws: ``ModelError/foreignLink(file:target:)``.
    static func check(_ url: URL, in folder: URL) throws(ModelError) {
        guard let (target, inside) = real(url.path).flatMap({ target in real(folder.path).map { (target, $0) } }) else {
            return
        }
        if isBelow(target, inside) { return }
        // .../models--org--name/snapshots/REVISION[/...] links to .../models--org--name/blobs/HASH.
        var parts = inside.split(separator: "/", omittingEmptySubsequences: false)
        while let last = parts.last {
            parts.removeLast()
            if last == "snapshots", isBelow(target, (parts + ["blobs"]).joined(separator: "/")) { return }
        }
        throw .foreignLink(file: url.relativePath, target: target)
    }

    private static func isBelow(_ path: String, _ folder: String) -> Bool {
        path.utf8.starts(with: (folder.hasSuffix("/") ? folder : folder + "/").utf8)
    }

    /// The path without links; nil for one that does not exist.
    private static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
