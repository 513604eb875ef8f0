/// The pickle opcodes needed for a dictionary of tensors, out of 68 (CPython, pickle.py).
enum PickleOpcode: UInt8, CaseIterable {
    case protocolVersion = 0x80
    case stop = 0x2E
    case mark = 0x28
    case none = 0x4E
    case newTrue = 0x88
    case newFalse = 0x89
    case binInt = 0x4A
    case binInt1 = 0x4B
    case binInt2 = 0x4D
    case long1 = 0x8A
    case binUnicode = 0x58
    case emptyTuple = 0x29
    case tuple = 0x74
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87
    case emptyDictionary = 0x7D
    case setItem = 0x73
    case setItems = 0x75
    case binGet = 0x68
    case longBinGet = 0x6A
    case binPut = 0x71
    case longBinPut = 0x72
    case global = 0x63
    case reduce = 0x52
    case build = 0x62
    case persistent = 0x51

    /// The name of an unsupported opcode, for error messages.
    static func name(_ code: UInt8) -> String {
        refused[code] ?? "0x" + String(code, radix: 16)
    }

    private static let refused: [UInt8: String] = [
        0x30: "POP", 0x31: "POP_MARK", 0x32: "DUP", 0x46: "FLOAT", 0x49: "INT", 0x4C: "LONG", 0x50: "PERSID",
        0x53: "STRING", 0x54: "BINSTRING", 0x55: "SHORT_BINSTRING", 0x56: "UNICODE", 0x61: "APPEND", 0x64: "DICT",
        0x65: "APPENDS", 0x67: "GET", 0x69: "INST", 0x6C: "LIST", 0x5D: "EMPTY_LIST", 0x6F: "OBJ", 0x70: "PUT",
        0x47: "BINFLOAT", 0x81: "NEWOBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x8B: "LONG4", 0x42: "BINBYTES",
        0x43: "SHORT_BINBYTES", 0x8C: "SHORT_BINUNICODE", 0x8D: "BINUNICODE8", 0x8E: "BINBYTES8", 0x8F: "EMPTY_SET",
        0x90: "ADDITEMS", 0x91: "FROZENSET", 0x92: "NEWOBJ_EX", 0x93: "STACK_GLOBAL", 0x94: "MEMOIZE", 0x95: "FRAME",
        0x96: "BYTEARRAY8", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
    ]
}

/// The globals that a pickle of tensors may use. None is imported or called: the reader implements each one itself.
enum PickleGlobal: Equatable {
    case orderedDictionary
    case rebuildTensor
    case rebuildParameter
    case storage(DType)

    init?(_ name: String) {
        guard let global = Self.known[name] else { return nil }
        self = global
    }

    private static let known: [String: PickleGlobal] = {
        var known: [String: PickleGlobal] = [
            "collections.OrderedDict": .orderedDictionary, "torch._utils._rebuild_tensor_v2": .rebuildTensor,
            "torch._utils._rebuild_parameter": .rebuildParameter,
        ]
        for dtype in DType.allCases { known["torch.\(dtype.storageName)"] = .storage(dtype) }
        return known
    }()
}

extension DType {
    /// The name of torch's storage class for this type.
    var storageName: String {
        switch self {
        case .uint8: "ByteStorage"
        case .int8: "CharStorage"
        case .int16: "ShortStorage"
        case .int32: "IntStorage"
        case .int64: "LongStorage"
        case .float16: "HalfStorage"
        case .float32: "FloatStorage"
        case .float64: "DoubleStorage"
        case .bool: "BoolStorage"
        case .bfloat16: "BFloat16Storage"
        }
    }
}
