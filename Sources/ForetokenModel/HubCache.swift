public import ForetokenPlatform

/// The cache of downloads from the Hugging Face Hub: `models--ORG--NAME/snapshots/REVISION/`, by the rules of huggingface_hub.
enum HubCache {
    /// Whether a path that does not exist is the name of a model on the Hub: `org/name`.
    static func isName(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.count <= 96 && part.first != "." && part.first != "-"
                    && part.utf8.allSatisfy { byte in
                        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                    }
            }
    }

    /// The caches that the environment names, the first that is set: `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `hub` in `HF_HOME`
    /// or in `huggingface` of `XDG_CACHE_HOME` or `~/.cache`.
    static func folder(_ environment: [String: String]) -> URL {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func url(_ path: String) -> URL {
            let home = value("HOME") ?? ""
            return URL(fileURLWithPath: path == "~" || path.hasPrefix("~/") ? home + path.dropFirst() : path)
        }
        if let cache = value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE") { return url(cache) }
        if let home = value("HF_HOME") { return url(home).appendingPathComponent("hub") }
        return url(value("XDG_CACHE_HOME") ?? "~/.cache").appendingPathComponent("huggingface/hub")
    }

    /// The newest complete snapshot of a model's folder in a cache: the one that `refs/main` names, or the only one.
    static func snapshot(in model: URL) -> URL? {
        let snapshots = model.appendingPathComponent("snapshots")
        let main = model.appendingPathComponent("refs/main")
        if let revision = try? String(contentsOf: main, encoding: .utf8).filter({ !$0.isWhitespace }),
            !revision.isEmpty,
            !revision.contains("/"), revision.first != "."
        {
            let url = snapshots.appendingPathComponent(revision)
            if ModelFolder.looksLikeModel(url) { return url }
        }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: snapshots.path)) ?? []).sorted()
        let complete = names.map(snapshots.appendingPathComponent).filter(ModelFolder.looksLikeModel)
        return complete.count == 1 ? complete[0] : nil
    }

    /// The folder of a model's name in a cache.
    static func folder(of name: String, in cache: URL) -> URL {
        cache.appendingPathComponent("models--" + name.split(separator: "/").joined(separator: "--"))
    }
}

extension ModelFolder {
    /// Resolves a path to a model folder: a run's newest checkpoint, a snapshot in a hub cache, also by the model's name
    /// (`org/name`), or the folder or file itself.
    ///
    /// - Throws: ``ModelError/noModel(_:)``, ``ModelError/notDownloaded(name:cache:)``.
    public static func locate(_ url: URL) throws(ModelError) -> URL {
        try locate(url, environment: ProcessInfo.processInfo.environment)
    }

    static func locate(_ url: URL, environment: [String: String]) throws(ModelError) -> URL {
        if let checkpoint = RunCheckpoints.latest(in: url) { return checkpoint }
        if looksLikeModel(url) { return url }
        if let snapshot = HubCache.snapshot(in: url) { return snapshot }
        let name = url.relativePath
        guard HubCache.isName(name), !FileManager.default.fileExists(atPath: url.path) else {
            throw .noModel(url.relativePath)
        }
        let cache = HubCache.folder(environment)
        guard let snapshot = HubCache.snapshot(in: HubCache.folder(of: name, in: cache)) else {
            throw .notDownloaded(name: name, cache: cache.path)
        }
        return snapshot
    }
}
