public import ForetokenTraining
import Foundation

/// This process's rank and the rendezvous address, read from the environment variables of torchrun (which can also be set by
/// hand) or Slurm.
public struct RankPlacement: Sendable, Equatable {
    /// This process's rank, from 0.
    public var rank: Int
    /// The number of ranks.
    public var size: Int
    /// This process's rank among those of its host.
    public var localRank: Int
    /// The number of ranks on this host; if the launcher does not set it, the known minimum, `localRank` + 1.
    public var localSize: Int
    /// The host that serves the store.
    public var address: String
    /// The store's port.
    public var port: Int
    /// Whether the launcher (torchrun's agent, or `--processes`) serves the store, and not rank 0.
    public var isStoreElsewhere = false
    /// The number of torchrun restarts; restarted ranks share the store of the earlier ones.
    public var attempt = 0

    /// Whether this process serves the store.
    var servesStore: Bool { rank == 0 && !isStoreElsewhere }
    /// The process that serves the store, for messages.
    var storeHolder: String { isStoreElsewhere ? "the launcher" : "rank 0" }

    /// Reads the environment; nil if it does not describe a rank, or the world has one rank only.
    ///
    /// - Throws: `WorldError.variable(name:reason:)` for a missing or invalid value.
    public init?(environment: [String: String]) throws(WorldError) {
        let values = Variables(environment)
        if values.has("RANK") || values.has("WORLD_SIZE") {
            size = try values.number("WORLD_SIZE", 1...1 << 20)
            rank = try values.number("RANK", 0...size - 1)
            if size == 1 { return nil }
            localRank = try values.number("LOCAL_RANK", 0...rank)
            localSize =
                values.has("LOCAL_WORLD_SIZE")
                ? try values.number("LOCAL_WORLD_SIZE", localRank + 1...size) : localRank + 1
            address = try values.text("MASTER_ADDR")
            port = try values.number("MASTER_PORT", 1...65535)
            isStoreElsewhere = environment["TORCHELASTIC_USE_AGENT_STORE"]?.lowercased() == "true"
            attempt =
                values.has("TORCHELASTIC_RESTART_COUNT")
                ? try values.number("TORCHELASTIC_RESTART_COUNT", 0...1 << 30) : 0
        } else if values.has("SLURM_PROCID") {
            size = try values.number(
                values.has("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS", 1...1 << 20)
            rank = try values.number("SLURM_PROCID", 0...size - 1)
            if size == 1 { return nil }
            localRank = try values.number("SLURM_LOCALID", 0...rank)
            localSize = max(localRank + 1, min(size, Self.tasks(environment) ?? 0))
            if values.has("MASTER_ADDR") {
                address = try values.text("MASTER_ADDR")
            } else {
                let list = values.has("SLURM_STEP_NODELIST") ? "SLURM_STEP_NODELIST" : "SLURM_JOB_NODELIST"
                address = Self.firstHost(of: try values.text(list))
            }
            port =
                values.has("MASTER_PORT")
                ? try values.number("MASTER_PORT", 1...65535)
                : 15_000 + (try values.number("SLURM_JOB_ID", 0...1 << 40)) % 20_000
        } else {
            return nil
        }
    }

    /// The number of tasks on this node, from Slurm's compressed list: in `2(x3),1` nodes 0 to 2 have two tasks and node 3 one.
    private static func tasks(_ environment: [String: String]) -> Int? {
        guard let list = environment["SLURM_STEP_TASKS_PER_NODE"],
            var node = environment["SLURM_NODEID"].flatMap({ Int($0) }), node >= 0
        else { return nil }
        for entry in list.split(separator: ",") {
            let parts = entry.split(separator: "(x")
            let nodes = parts.count > 1 ? Int(parts[1].dropLast()) ?? 1 : 1
            if node < nodes { return Int(parts[0]) }
            node -= nodes
        }
        return nil
    }

    /// The first host of Slurm's compressed list: `node07` for `node[07-12,15],login`.
    static func firstHost(of list: String) -> String {
        let head = list.prefix { $0 != "," && $0 != "[" }
        guard list.dropFirst(head.count).first == "[" else { return String(head) }
        return String(head + list.dropFirst(head.count + 1).prefix { $0 != "-" && $0 != "," && $0 != "]" })
    }
}

/// Environment variables with checks.
private struct Variables {
    private let environment: [String: String]
    init(_ environment: [String: String]) { self.environment = environment }

    func has(_ name: String) -> Bool { environment[name] != nil }

    func text(_ name: String) throws(WorldError) -> String {
        guard let value = environment[name], !value.isEmpty else {
            throw .variable(
                name: name,
                reason: "missing; torchrun, srun and --processes set it. Without a launcher set RANK, WORLD_SIZE, "
                    + "LOCAL_RANK, MASTER_ADDR and MASTER_PORT (unset RANK and WORLD_SIZE to train with one process)")
        }
        return value
    }

    func number(_ name: String, _ bounds: ClosedRange<Int>) throws(WorldError) -> Int {
        let value = try text(name)
        guard let number = Int(value), bounds.contains(number) else {
            throw .variable(
                name: name, reason: "'\(value)' is not an integer from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
    }
}
