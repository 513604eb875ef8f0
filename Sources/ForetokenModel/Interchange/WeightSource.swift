public import ForetokenPlatform

/// A model where it lies, in whatever format: its shape, and its weights one parameter at a time, as they are stored.
///
/// Names and shapes are those of ``ModelOutline/parameters``, whatever the file calls and how it lays them out. A source
/// has checked, when it was opened, that every parameter is there and nothing else; it keeps nothing of a weight that was
/// asked for, so a model larger than memory passes through one parameter at a time.
public protocol WeightSource {
    /// The model's shape.
    var configuration: ModelConfiguration { get }
    /// The file or folder, as errors name it.
    var file: String { get }
    /// How a parameter's weights are stored.
    func weight(_ parameter: String) throws -> StoredWeight
    /// Calls `body` with a parameter's bytes as they are stored, mapped from the file where that is possible.
    func withBytes<Result>(of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result
    /// Files beside the weights that go along with the model: its tokenizer.
    var companions: [URL] { get }
    /// What the files say that a ``ModelConfiguration`` does not hold, in sentences.
    var notes: [String] { get }
}

extension WeightSource {
    /// None.
    public var companions: [URL] { [] }
    /// None.
    public var notes: [String] { [] }
}

/// The first heads of another source's model.
struct HeadSubset: WeightSource {
    let configuration: ModelConfiguration
    /// The parameters that are left out.
    let dropped: [String]
    private let source: any WeightSource

    /// - Throws: ``ConversionError`` where heads 1...count do not stand without the others.
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
    var companions: [URL] { source.companions }
    var notes: [String] { source.notes }
    func weight(_ parameter: String) throws -> StoredWeight { try source.weight(parameter) }
    func withBytes<Result>(
        of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        try source.withBytes(of: parameter, body)
    }
}
