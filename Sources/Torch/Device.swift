internal import CKernels
package import CTorch
import Synchronization

/// Where a tensor lies.
public enum Device: Sendable, Hashable, CustomStringConvertible {
    /// The host.
    case cpu
    /// A GPU, by index; needs a LibTorch with CUDA.
    case cuda(Int)

    /// Reads `cpu`, `cuda` or `cuda:1`.
    ///
    /// - Throws: ``TorchError/noCUDA`` if CUDA is named and is not there, ``TorchError/failed(_:)`` for other names.
    public init(named name: String) throws(TorchError) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        switch (parts.first, parts.count) {
        case ("cpu", 1):
            self = .cpu
        case ("cuda", 1...2):
            guard let index = parts.count == 1 ? 0 : Int(parts[1]), index >= 0 else { fallthrough }
            guard LibTorch.hasCUDA else { throw .noCUDA }
            self = .cuda(index)
        default:
            throw .failed("unknown device '\(name)'; use 'cpu', 'cuda' or 'cuda:1'")
        }
    }

    /// The name ``init(named:)`` reads.
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    package var handle: ct_device {
        switch self {
        case .cpu: ct_device(type: Int32(CT_CPU), index: 0)
        case .cuda(let index): ct_device(type: Int32(CT_CUDA), index: Int32(index))
        }
    }
}

/// The process-wide state of LibTorch.
public enum LibTorch {
    /// Installs the allocator and loads CUDA, once; every way to make a tensor goes through here.
    static let initialized: Void = ct_initialize()

    /// LibTorch's version, such as `2.13.0`.
    public static var version: String { String(cString: ct_version()) }

    private static let outOfMemoryHandler = Mutex<@Sendable (TorchError) -> Never>({ error in fatalError("\(error)") })

    /// Says how the program ends when memory does in an operation that does not throw, as most of a forward pass; a trap
    /// with the error if nothing is said. A command prints one sentence and exits.
    public static func onOutOfMemory(_ handler: @escaping @Sendable (TorchError) -> Never) {
        outOfMemoryHandler.withLock { $0 = handler }
    }

    static func endOutOfMemory(_ error: TorchError) -> Never { outOfMemoryHandler.withLock { $0 }(error) }

    /// Whether LibTorch has CUDA and a GPU is there.
    public static var hasCUDA: Bool {
        initialized
        return ct_cuda_is_available()
    }

    /// Whether the processor has instructions for bfloat16 products; without them LibTorch emulates, hundreds of times slower.
    public static var hasBFloat16Instructions: Bool { ct_cpu_has_bfloat16() }

    /// The instruction set of the CPU kernels: `portable`, `avx2`, `avx512` or `avx512vnni`. The environment variable
    /// `FORETOKEN_ISA` names another one than the processor's best.
    public static var instructionSet: String { String(cString: ck_isa_name(ck_isa())) }

    /// How many threads LibTorch's and our own CPU kernels use.
    public static var threads: Int {
        get {
            initialized
            return Int(ct_threads())
        }
        set {
            initialized
            ct_set_threads(Int32(clamping: max(1, newValue)))
        }
    }
}
