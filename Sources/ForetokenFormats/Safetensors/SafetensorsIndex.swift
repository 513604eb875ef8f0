import ForetokenFiles
import ForetokenPlatform

/// Hugging Face's `NAME.safetensors.index.json`.
struct SafetensorsIndex {
    /// The index's path for error messages.
    let file: String

    /// The shard of each tensor, in file order.
    let weightMap: [(tensor: String, shard: String)]

    /// The declared total size of the tensors.
    let totalSize: Int?

    /// Reads an index, without opening the shards.
    init(contentsOf url: URL) throws {
        let root = try JSONNode(contentsOf: url)
        file = root.file
        let map = try root["weight_map"]
        weightMap = try map.object().map { tensor, value in
            let shard = try JSONNode(value, file: map.file, path: JSONNode.join(map.path, tensor)).string()
            guard Self.isPlainFileName(shard) else {
                throw SafetensorsError.invalidShardName(index: root.file, tensor: tensor, shard: shard)
            }
            return (tensor, shard)
        }
        totalSize = try root["metadata"].ifPresent.flatMap { try $0["total_size"].ifPresent }.map { size in
            // Some of Hugging Face's scripts have written it as a float.
            if case .number(let number) = size.value, let whole = Int(exactly: number), whole >= 0 { return whole }
            return try size.integer(in: 0...Int.max)
        }
    }

    /// Opens every shard and checks that index and shards agree; returns the files, ordered by name, and the position of each
    /// tensor's file among them.
    func openShards(in folder: URL) throws -> (files: [SafetensorsFile], positions: [String: Int]) {
        var example: [String: String] = [:]
        for (tensor, shard) in weightMap where example[shard] == nil {
            example[shard] = tensor
        }
        var files: [SafetensorsFile] = []
        var positionOfShard: [String: Int] = [:]
        for (shard, tensor) in example.sorted(by: { $0.key < $1.key }) {
            let url = folder.appendingPathComponent(shard)
            guard FileManager.default.fileExists(atPath: url.path) else {
                throw SafetensorsError.missingShard(index: file, shard: shard, tensor: tensor)
            }
            positionOfShard[shard] = files.count
            files.append(try SafetensorsFile(contentsOf: url))
        }
        var positions: [String: Int] = [:]
        positions.reserveCapacity(weightMap.count)
        for (tensor, shard) in weightMap {
            guard let position = positionOfShard[shard], files[position].tensors[tensor] != nil else {
                throw SafetensorsError.tensorNotInShard(index: file, shard: shard, tensor: tensor)
            }
            positions[tensor] = position
        }
        // This also finds tensors in two shards, since the index maps each tensor to one.
        for (position, shard) in files.enumerated() {
            for name in shard.names where positions[name] != position {
                throw SafetensorsError.tensorNotInIndex(
                    index: file, shard: shard.url.lastPathComponent, tensor: name,
                    listedIn: positions[name].map { files[$0].url.lastPathComponent })
            }
        }
        return (files, positions)
    }

    /// The index as written by Hugging Face, with sorted keys.
    static func value(weightMap: [String: String], totalSize: Int) -> JSONValue {
        var map = JSONObject()
        for (tensor, shard) in weightMap.sorted(by: { $0.key < $1.key }) {
            map[tensor] = .string(shard)
        }
        return ["metadata": ["total_size": .integer(totalSize)], "weight_map": .object(map)]
    }

    private static func isPlainFileName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
            && name.utf8.allSatisfy { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") && $0 != 0 }
    }
}
