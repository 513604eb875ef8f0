import ForetokenFormats
public import ForetokenPlatform

/// Converts models between formats.
public enum Conversion {
    /// The result of a conversion.
    public struct Summary: Sendable {
        /// The configuration of the written model.
        public let configuration: ModelConfiguration
        /// The written files and their sizes.
        public let files: [(name: String, bytes: Int)]
        /// Parameters of the source that were dropped.
        public let dropped: [String]
        /// Notes on anything else that was lost, in sentences.
        public let notes: [String]

        /// Total size of the written files.
        public var byteCount: Int { files.reduce(0) { $0 + $1.bytes } }
    }

    /// Converts a model one tensor at a time. The output is written under a temporary name in its folder and then renamed, so
    /// that it is never incomplete.
    ///
    /// `progress` is called before every tensor with the bytes read and the total, and may throw to cancel the conversion.
    ///
    /// - Throws: ``ConversionError``, and the formats' errors, which name files.
    public static func run(
        from input: URL, to output: URL, format: InterchangeFormat, options: ConversionOptions = ConversionOptions(),
        progress: @escaping (_ bytes: Int, _ total: Int) throws -> Void = { _, _ in }
    ) throws -> Summary {
        var source = try ModelFolder.source(input)
        var dropped: [String] = []
        func keep(heads count: Int) throws {
            let subset = try HeadSubset(source, heads: count)
            (source, dropped) = (subset, dropped + subset.dropped)
        }
        if let heads = options.heads { try keep(heads: heads) }
        let supportedHeads = try format.type.heads(of: source.configuration)
        if supportedHeads < source.configuration.heads {
            guard options.dropHeads else {
                throw ConversionError.needsDropHeads(
                    format: format.rawValue, first: supportedHeads + 1, last: source.configuration.heads)
            }
            try keep(heads: supportedHeads)
        }
        guard !FileManager.default.fileExists(atPath: output.path) else {
            throw ConversionError.exists(output.relativePath)
        }
        let folder = output.deletingLastPathComponent()
        guard isFolder(folder) else {
            throw ConversionError.cannotWrite(
                file: output.relativePath, action: "write", reason: "there is no folder '\(folder.relativePath)'")
        }
        let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
        let temporary = folder.appendingPathComponent(".\(output.lastPathComponent).\(suffix).temporary")
        defer { try? FileManager.default.removeItem(at: temporary) }
        let notes = try format.type.write(WatchedSource(source, progress), to: temporary, options: options)
        try FileManager.default.moveItem(at: temporary, to: output)
        return Summary(
            configuration: source.configuration, files: try files(at: output), dropped: dropped,
            notes: source.notes + notes)
    }

    private static func files(at url: URL) throws -> [(name: String, bytes: Int)] {
        func size(_ url: URL) throws -> Int {
            try FileManager.default.attributesOfItem(atPath: url.path)[.size] as? Int ?? 0
        }
        // Of a file, subpathsOfDirectory gives an empty list.
        guard isFolder(url) else { return [(url.lastPathComponent, try size(url))] }
        return try FileManager.default.subpathsOfDirectory(atPath: url.path).sorted().map {
            ($0, url.appendingPathComponent($0))
        }
        .filter { !$0.1.hasDirectoryPath && !isFolder($0.1) }.map { ($0.0, try size($0.1)) }
    }

    private static func isFolder(_ url: URL) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: url.resolvingSymlinksInPath().path)
        return attributes?[.type] as? FileAttributeType == .typeDirectory
    }
}

/// A source that reports how much of it has been read.
private final class WatchedSource: WeightSource {
    private let source: any WeightSource
    private let progress: (Int, Int) throws -> Void
    private var sizes: [String: Int] = [:]
    private var bytes = 0
    private let total: Int

    init(_ source: any WeightSource, _ progress: @escaping (Int, Int) throws -> Void) throws {
        (self.source, self.progress) = (source, progress)
        for parameter in try ModelOutline(source.configuration).parameters {
            sizes[parameter.name] = try source.weight(parameter.name).byteCount
        }
        total = sizes.values.reduce(0, +)
    }

    var configuration: ModelConfiguration { source.configuration }
    var file: String { source.file }
    var companions: [CompanionFile] { source.companions }
    var notes: [String] { source.notes }
    func weight(_ parameter: String) throws -> StoredWeight { try source.weight(parameter) }

    func withBytes<Result>(
        of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        try progress(bytes, total)
        bytes = min(total, bytes + (sizes[parameter] ?? 0))
        return try source.withBytes(of: parameter, body)
    }
}

/// An error in a conversion.
public enum ConversionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The format cannot represent heads `first`...`last`.
    case needsDropHeads(format: String, first: Int, last: Int)
    /// More heads than the model has.
    case moreHeads(file: String, found: Int, wanted: Int)
    /// The heads to keep read heads to be dropped.
    case headsDepend(file: String, kind: String, heads: Int)
    /// The format cannot represent something.
    case unsupported(format: String, what: String)
    /// A weight is out of range for the element type.
    case beyondRange(file: String, tensor: String, type: String)
    /// The output cannot be written.
    case cannotWrite(file: String, action: String, reason: String)
    /// The output already exists.
    case exists(String)

    /// The message: what is wrong and what to do next.
    public var description: String {
        switch self {
        case .needsDropHeads(let format, let first, let last):
            "--to \(format) cannot hold \(first == last ? "head \(last)" : "heads \(first) to \(last)"); "
                + "give --drop-heads to leave \(first == last ? "it" : "them") out"
        case .moreHeads(let file, let found, let wanted):
            "\(file): has \(found) heads and --heads asks for \(wanted); a conversion cannot add heads: "
                + "fine-tune the model with more heads instead"
        case .headsDepend(let file, let kind, let heads):
            "\(file): of '\(kind)' heads, the first \(heads) depend on the others; convert the model with all its heads"
        case .unsupported(let format, let what):
            "--to \(format) cannot hold \(what)"
        case .beyondRange(let file, let tensor, let type):
            "\(file): tensor '\(tensor)' has values out of range for \(type); use --dtype bf16 or f32"
        case .cannotWrite(let file, let action, let reason):
            "\(file): cannot \(action) it: \(reason)"
        case .exists(let path):
            "\(path): already exists and is not overwritten; give another name or remove it"
        }
    }
}

extension SafetensorsSource {
    /// A tensor that writes a source's parameter, converted to `format` if given.
    init(
        _ parameter: ParameterOutline, named name: String? = nil, from source: any WeightSource,
        as format: StorageFormat?
    ) throws {
        let format = try format ?? source.weight(parameter.name).format
        self.init(name: name ?? parameter.name, dtype: format.dtype.safetensors, shape: parameter.shape) { write in
            try source.forEachPiece(of: parameter.name, as: format, write)
        }
    }
}
