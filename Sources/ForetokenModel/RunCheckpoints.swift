public import ForetokenPlatform

/// The checkpoints of a run's folder, which are model folders: `checkpoints/step-NNNNNN/`, and `latest`, which names the newest.
package enum RunCheckpoints {
    /// Names of whole checkpoints by rising step.
    package static func names(in checkpoints: URL) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints.path)) ?? []
        let steps = names.compactMap { name in
            name.hasPrefix("step-") ? Int(name.dropFirst(5)).map { (step: $0, name: name) } : nil
        }
        return steps.sorted { $0.step < $1.step }.map(\.name)
    }

    /// The newest whole checkpoint of a run.
    package static func latest(in run: URL) -> URL? {
        let checkpoints = run.appendingPathComponent("checkpoints")
        let names = names(in: checkpoints)
        let named = (try? String(contentsOf: run.appendingPathComponent("latest"), encoding: .utf8))?
            .filter { !$0.isWhitespace }
        // A kill between the rename and `latest` leaves a whole checkpoint that is newer than the one named.
        let chosen = names.last ?? named
        return chosen.flatMap { names.contains($0) ? checkpoints.appendingPathComponent($0) : nil }
    }
}

extension ModelFolder {
    /// The model folder that a path means: a run's newest checkpoint, or the folder itself.
    ///
    /// - Throws: ``ModelError/noModel(_:)``.
    public static func locate(_ url: URL) throws(ModelError) -> URL {
        if let checkpoint = RunCheckpoints.latest(in: url) { return checkpoint }
        guard isThere(url) else { throw .noModel(url.relativePath) }
        return url
    }
}
