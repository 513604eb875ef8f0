import ForetokenFiles
public import ForetokenPlatform

extension SafetensorsCheckpoint {
    /// The size above which Hugging Face splits a checkpoint, in bytes of tensors a shard.
    public static let defaultShardSize = 5_000_000_000

    /// Writes tensors as `NAME.safetensors`, or, where they take more than `shardSize` bytes, as
    /// `NAME-00001-of-0000N.safetensors` and so on with `NAME.safetensors.index.json`.
    ///
    /// Tensors stay in the given order; a shard is closed when the next tensor would not fit, so that only a tensor
    /// larger than `shardSize` makes a larger shard. Each file appears whole or not at all and the index last, so an
    /// interrupted write is never taken for a checkpoint. A single file replaces an earlier single file; any other
    /// file of an earlier checkpoint in the folder is an error, since readers could mix the two.
    ///
    /// - Returns: The files written, shards in order, then the index.
    /// - Throws: ``SafetensorsError``, `JSONError`, and what a closure throws. No file of this write is left.
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

    /// Ranges of consecutive tensors, each of at most `shardSize` bytes or of one tensor; one empty range for none.
    static func split(_ sizes: [Int], shardSize: Int) -> [Range<Int>] {
        var shards: [Range<Int>] = []
        var start = 0
        var bytes = 0
        for (position, size) in sizes.enumerated() {
            // A subtraction, since a sum could overflow.
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
