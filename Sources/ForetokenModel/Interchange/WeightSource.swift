/// A stored model of any format: its configuration, and its weights one parameter at a time, as stored.
///
/// Names and shapes are those of ``ModelOutline/parameters``, whatever the file's own names and layout. Opening a source checks
/// that it has every parameter and nothing else. It does not retain weights that were read, so a model larger than memory can
/// be processed one parameter at a time.
public protocol WeightSource {
    /// The model's configuration.
    var configuration: ModelConfiguration { get }
    /// The path of the file or folder, for error messages.
    var file: String { get }
    /// The stored form of a parameter.
    func weight(_ parameter: String) throws -> StoredWeight
    /// Calls `body` with a parameter's bytes as stored, mapped from the file where possible.
    func withBytes<Result>(of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result
    /// Files besides the weights that belong to the model, such as its tokenizer.
    var companions: [CompanionFile] { get }
    /// Notes on settings in the files that a ``ModelConfiguration`` does not hold, in sentences.
    var notes: [String] { get }
}

extension WeightSource {
    /// None.
    public var companions: [CompanionFile] { [] }
    /// None.
    public var notes: [String] { [] }
}

/// Another source's model with its first heads only.
struct HeadSubset: WeightSource {
    let configuration: ModelConfiguration
    /// The dropped parameters.
    let dropped: [String]
    private let source: any WeightSource

    /// - Throws: ``ConversionError`` if heads 1...count depend on the others.
    init(_ source: any WeightSource, heads count: Int) throws {
        let whole = source.configuration
        guard count <= whole.heads else {
            throw ConversionError.moreHeads(file: source.file, found: whole.heads, wanted: count)
        }
        var configuration = whole
        configuration.heads = count
        configuration.layers -= configuration.trunkLayers - whole.trunkLayers
        guard configuration.headGraph.nodes.allSatisfy(whole.headGraph.nodes.contains) else {
            throw ConversionError.headsDepend(file: source.file, kind: whole.headKind.rawValue, heads: count)
        }
        let kept = Set(try ModelOutline(configuration).parameters.map(\.name))
        self.configuration = configuration
        self.source = source
        dropped = try ModelOutline(whole).parameters.map(\.name).filter { !kept.contains($0) }
    }

    var file: String { source.file }
    var companions: [CompanionFile] { source.companions }
    var notes: [String] { source.notes }
    func weight(_ parameter: String) throws -> StoredWeight { try source.weight(parameter) }
    func withBytes<Result>(
        of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        try source.withBytes(of: parameter, body)
    }
}
