public import ForetokenFormats
public import Foundation
public import Torch

/// A model where it lies, in whatever format: its shape, and its weights one tensor at a time.
///
/// Names and shapes are those of ``MultiTokenModel/parameters``, whatever the file calls and how it lays them out. A source
/// has checked, when it was opened, that every parameter is there and nothing else; it keeps nothing of a tensor that was
/// asked for, so a model larger than memory passes through one tensor at a time.
public protocol WeightSource {
    /// The model's shape.
    var configuration: ModelConfiguration { get }
    /// The file or folder, as errors name it.
    var file: String { get }
    /// The element type of a parameter where it lies.
    func dtype(of parameter: String) throws -> DType
    /// A copy of a parameter's weights on the CPU, in the element type that they have where they lie.
    func tensor(_ parameter: String) throws -> Tensor
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

extension MultiTokenModel: WeightSource {
    /// No file.
    public var file: String { "the model in memory" }

    /// The element type of a parameter.
    public func dtype(of parameter: String) throws -> DType { try self.parameter(parameter).tensor.dtype }

    /// A parameter's weights; those of a model on the CPU are not copied.
    public func tensor(_ parameter: String) throws -> Tensor {
        try self.parameter(parameter).tensor.detached().to(.cpu)
    }

    private func parameter(_ name: String) throws -> Parameter {
        guard let parameter = parameters.first(where: { $0.name == name }) else {
            throw ModelError.missingTensor(file: file, tensor: name)
        }
        return parameter
    }

    /// A model with the weights of a source.
    ///
    /// - Throws: what the source throws, ``ModelError/impossible(_:)``, `TorchError.outOfMemory`.
    public convenience init(reading source: any WeightSource, dtype: DType = .float32, device: Device = .cpu) throws {
        try self.init(source.configuration, seed: nil, dtype: dtype, device: device)
        for parameter in parameters { parameter.tensor.assign(try source.tensor(parameter.name)) }
    }

    /// A model's parameters, by name, group and shape, without weights: tensors on `Device.meta`.
    public static func outline(_ configuration: ModelConfiguration) throws -> MultiTokenModel {
        try MultiTokenModel(configuration, seed: nil, device: .meta)
    }
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
        let kept = Set(try MultiTokenModel.outline(configuration).parameters.map(\.name))
        self.configuration = configuration
        self.source = source
        dropped = try MultiTokenModel.outline(whole).parameters.map(\.name).filter { !kept.contains($0) }
    }

    var file: String { source.file }
    var companions: [URL] { source.companions }
    var notes: [String] { source.notes }
    func dtype(of parameter: String) throws -> DType { try source.dtype(of: parameter) }
    func tensor(_ parameter: String) throws -> Tensor { try source.tensor(parameter) }
}
