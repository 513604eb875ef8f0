import ForetokenFiles
import ForetokenFormats
import Foundation
import Torch

/// The part of a checkpoint that only training needs: `trainer/state.json` and `trainer/optimizer.safetensors`.
enum TrainerState {
    private static let version = 1

    /// Writes the state, of which each rank hands over its share through `gather`.
    static func write(_ optimizer: AdamW, step: Int, to checkpoint: URL, through gather: StateGather) throws {
        let folder = checkpoint.appendingPathComponent("trainer")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        var fewer = JSONObject()
        for (name, steps) in gather.fewerSteps.sorted(by: { $0.key < $1.key }) { fewer[name] = .integer(steps) }
        let state: JSONValue = [
            "format_version": .integer(version), "step": .integer(step), "optimizer_step": .integer(optimizer.step),
            "fewer_optimizer_steps": .object(fewer),
        ]
        try state.write(to: folder.appendingPathComponent("state.json"))
        try SafetensorsWriter.write(
            to: folder.appendingPathComponent("optimizer.safetensors"),
            tensors: optimizer.slots.map { slot in
                SafetensorsSource(name: slot.name, dtype: slot.dtype.safetensors, shape: slot.shape) { write in
                    try gather.next().withUnsafeBytes(write)
                }
            })
    }

    /// - Returns: the step of the checkpoint.
    static func restore(_ optimizer: AdamW, from checkpoint: URL) throws -> Int {
        let folder = checkpoint.appendingPathComponent("trainer")
        let state = try JSONNode(contentsOf: folder.appendingPathComponent("state.json"))
        let found = try state["format_version"].integer()
        guard found == version else {
            throw TrainerError.foreignState(file: state.file, reason: "it has format \(found), not \(version)")
        }
        let file = try SafetensorsFile(contentsOf: folder.appendingPathComponent("optimizer.safetensors"))
        let steps = 0...(1 << 40)
        var fewer: [String: Int] = [:]
        if let node = try state["fewer_optimizer_steps"].ifPresent {
            for (name, _) in try node.object() { fewer[name] = try node[name].integer(in: steps) }
        }
        try optimizer.restore(file, step: try state["optimizer_step"].integer(in: steps), fewerSteps: fewer)
        return try state["step"].integer(in: 0...(1 << 40))
    }
}
