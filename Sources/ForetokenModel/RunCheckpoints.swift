package import ForetokenPlatform

/// The checkpoints in a run folder. Each is a model folder, `checkpoints/step-NNNNNN/`; the file `latest` names the newest.
package enum RunCheckpoints {
    /// The names of complete checkpoints, in order of steps.
    package static func names(in checkpoints: URL) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints.path)) ?? []
        let steps = names.compactMap { name in
            name.hasPrefix("step-") ? Int(name.dropFirst(5)).map { (step: $0, name: name) } : nil
        }
        return steps.sorted { $0.step < $1.step }.map(\.name)
    }

    /// The newest complete checkpoint of a run.
    package static func latest(in run: URL) -> URL? {
        let checkpoints = run.appendingPathComponent("checkpoints")
        let names = names(in: checkpoints)
        let named = (try? String(contentsOf: run.appendingPathComponent("latest"), encoding: .utf8))?
            .filter { !$0.isWhitespace }
        // A process killed between renaming a checkpoint and updating `latest` leaves a newer complete checkpoint.
        let chosen = names.last ?? named
        return chosen.flatMap { names.contains($0) ? checkpoints.appendingPathComponent($0) : nil }
    }
}
