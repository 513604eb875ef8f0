import ForetokenFiles
public import ForetokenPlatform

extension SafetensorsCheckpoint {
    /// Hugging Face's maximum shard size, in bytes of tensors.
    public static let defaultShardSize = 5_000_000_000

    /// Writes tensors as `NAME.safetensors`, or, if they take more than `shardSize` bytes, as
    /// `NAME-00001-of-0000N.safetensors` and so on with `NAME.safetensors.index.json`.
    ///
    /// Tensors keep the given order. A shard is closed when the next tensor would not fit, so only a tensor larger than
    /// `shardSize` makes a larger shard. Each file is written atomically, and the index last, so an interrupted write is never
    /// mistaken for a checkpoint. A single file replaces an earlier single file; any other file of an earlier checkpoint in the
    /// folder is an error, since readers could mix the two.
    ///
    /// - Returns: The written files, shards in order, then the index.
    /// - Throws: ``SafetensorsError``, `JSONError`, and errors of the tensors' closures. Files written so far are removed.
    @discardableResult
    public static func write(
        to folder: URL, name: String = "model", tensors: [SafetensorsSource], metadata: [String: String] = [:],
        shardSize: Int = defaultShardSize
    ) throws -> [URL] {
        guard shardSize > 0 else { throw SafetensorsError.invalidShardSize(shardSize) }
        let single = folder.appendingPathComponent("\(name).safetensors")
        let index = folder.appendingPathComponent("\(name).safetensors.index.json")
        let entries = try SafetensorsWriter.layOut(tensors, file: single.relativePath)
        let shards = split(entries.map(\.byteCount), shardSize: shardSize)
        try refuseEarlierFiles(in: folder, name: name, singleMayStay: shards.count == 1)

        guard shards.count > 1 else {
            try SafetensorsWriter.write(to: single, tensors: tensors, metadata: metadata)
            return [single]
        }
        var written: [URL] = []
        do {
            var weightMap: [String: String] = [:]
            for (position, range) in shards.enumerated() {
                let shard = "\(name)-\(fiveDigits(position + 1))-of-\(fiveDigits(shards.count)).safetensors"
                let url = folder.appendingPathComponent(shard)
                try SafetensorsWriter.write(to: url, tensors: Array(tensors[range]), metadata: metadata)
                written.append(url)
                for tensor in tensors[range] {
                    weightMap[tensor.name] = shard
                }
            }
            let totalSize = entries.last?.byteRange.upperBound ?? 0
            try SafetensorsIndex.value(weightMap: weightMap, totalSize: totalSize).write(to: index)
        } catch {
            for url in written {
                try? FileManager.default.removeItem(at: url)
            }
            throw error
        }
        return written + [index]
    }

    /// Splits tensors into ranges, each of at most `shardSize` bytes or of one tensor; without tensors, one empty range.
    static func split(_ sizes: [Int], shardSize: Int) -> [Range<Int>] {
        var shards: [Range<Int>] = []
        var start = 0
        var bytes = 0
        for (position, size) in sizes.enumerated() {
            // Subtraction, since addition could overflow.
            if position > start, size > shardSize - bytes {
                shards.append(start..<position)
                start = position
                bytes = 0
            }
            bytes += size
        }
        shards.append(start..<sizes.count)
        return shards
    }

    private static func refuseEarlierFiles(in folder: URL, name: String, singleMayStay: Bool) throws {
        let single = "\(name).safetensors"
        let index = "\(name).safetensors.index.json"
        let shard = "\(name)-"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let earlier = names.sorted().first { file in
            file == index || (file == single && !singleMayStay)
                || (file.hasPrefix(shard) && file.hasSuffix(".safetensors") && file.contains("-of-"))
        }
        if let earlier {
            throw SafetensorsError.folderOccupied(folder: folder.relativePath, file: earlier)
        }
    }

    private static func fiveDigits(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}
