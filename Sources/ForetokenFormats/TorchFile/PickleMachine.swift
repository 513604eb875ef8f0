import ForetokenFiles

/// Reads the pickle of a dictionary of tensors without executing anything.
///
/// Values are indices into flat tables, so that even a hostile file causes neither nesting nor recursion; the tables, the stack
/// and the memo are bounded. Supported values are dictionaries, tuples, numbers, strings, the names of ``PickleGlobal``,
/// storages and tensors; anything else is rejected by name.
struct PickleMachine {
    /// Maximum size of a pickle; that of 50 000 tensors is smaller.
    static let sizeLimit = 1 << 23
    private static let stackLimit = 1 << 16
    private static let tableLimit = 1 << 21
    /// Maximum number of tensors, storages and entries, each of which takes far more memory than the bytes that create it.
    private static let tensorLimit = 1 << 17

    /// A value, or its index in a table.
    enum Value {
        case none
        case bool
        case integer(Int)
        case text(String)
        case tuple(start: Int, count: Int)
        case dictionary(Int)
        case global(PickleGlobal)
        case storage(Int)
        case tensor(Int)

        var kind: String {
            switch self {
            case .none: "None"
            case .bool: "a boolean"
            case .integer: "a number"
            case .text: "a string"
            case .tuple: "a tuple"
            case .dictionary: "a dictionary"
            case .global: "a class or function"
            case .storage: "a bare storage"
            case .tensor: "a tensor"
            }
        }
    }

    /// A storage; `key` names the record with its elements.
    struct Storage {
        let dtype: DType
        let key: String
        let count: Int
    }

    /// A tensor: a strided view of a storage.
    struct Tensor {
        let storage: Int
        let offset: Int
        let shape: [Int]
        let strides: [Int]
    }

    private(set) var storages: [Storage] = []
    private(set) var tensors: [Tensor] = []
    private var elements: [Value] = []
    private var dictionaries: [(entries: [(key: String, value: Value)], keys: Set<String>)] = []
    private var entryCount = 0
    /// Total size of all keys; bounded, since a long key could be hashed again and again through the memo.
    private var keyBytes = 0
    private var stack: [Value] = []
    private var marks: [Int] = []
    private var memo: [Value] = []
    private var position = 0
    private var opcodeStart = 0
    private let bytes: UnsafeRawBufferPointer
    private let file: String

    init(_ bytes: UnsafeRawBufferPointer, file: String) {
        self.bytes = bytes
        self.file = file
    }

    /// Runs the pickle and returns the tensors' names and indices, in the dictionary's order.
    mutating func run() throws(TorchFileError) -> [(name: String, tensor: Int)] {
        guard bytes.count <= Self.sizeLimit else {
            throw damage("it takes \(bytes.count) bytes, more than the \(Self.sizeLimit) allowed")
        }
        guard try byte() == PickleOpcode.protocolVersion.rawValue else {
            throw damage("it is not a pickle of protocol 2")
        }
        let version = try byte()
        guard version == 2 else { throw damage("it has protocol \(version), not 2, torch.save's default") }
        var result: Value?
        while result == nil {
            opcodeStart = position
            let code = try byte()
            guard let opcode = PickleOpcode(rawValue: code) else {
                throw .refusedOpcode(file: file, byte: opcodeStart, opcode: PickleOpcode.name(code))
            }
            result = try step(opcode)
            guard stack.count <= Self.stackLimit, marks.count <= Self.stackLimit,
                elements.count + dictionaries.count + entryCount + storages.count + tensors.count + memo.count
                    <= Self.tableLimit, max(entryCount, storages.count, tensors.count) <= Self.tensorLimit
            else { throw damage("it holds more values than any checkpoint") }
        }
        guard position == bytes.count else { throw damage("it continues after its end") }
        guard stack.isEmpty, marks.isEmpty else { throw damage("values are left over at its end") }
        guard case .dictionary(let dictionary) = result else {
            throw .notATensor(file: file, key: nil, found: result?.kind ?? "nothing")
        }
        var named: [(name: String, tensor: Int)] = []
        for (key, value) in dictionaries[dictionary].entries {
            guard case .tensor(let tensor) = value else {
                throw .notATensor(file: file, key: key, found: value.kind)
            }
            named.append((key, tensor))
        }
        return named
    }

    /// Executes one instruction; returns the result at the last one.
    private mutating func step(_ opcode: PickleOpcode) throws(TorchFileError) -> Value? {
        switch opcode {
        case .protocolVersion: throw damage("a second protocol version")
        case .stop: return try pop()
        case .mark: marks.append(stack.count)
        case .none: stack.append(.none)
        case .newTrue, .newFalse: stack.append(.bool)
        case .binInt: stack.append(.integer(Int(try number(Int32.self))))
        case .binInt1: stack.append(.integer(Int(try byte())))
        case .binInt2: stack.append(.integer(Int(try number(UInt16.self))))
        case .long1: stack.append(.integer(try long()))
        case .binUnicode: stack.append(.text(try text(Int(try number(UInt32.self)))))
        case .emptyTuple: pushTuple([])
        case .tuple: pushTuple(try popToMark())
        case .tuple1: pushTuple(try pop(1))
        case .tuple2: pushTuple(try pop(2))
        case .tuple3: pushTuple(try pop(3))
        case .emptyDictionary: pushDictionary()
        case .setItem: try setItems(pop(2))
        case .setItems: try setItems(popToMark())
        case .binGet: stack.append(try recall(Int(try byte())))
        case .longBinGet: stack.append(try recall(Int(try number(UInt32.self))))
        case .binPut: try remember(Int(try byte()))
        case .longBinPut: try remember(Int(try number(UInt32.self)))
        case .global: stack.append(.global(try global()))
        case .reduce: try reduce()
        case .build: try build()
        case .persistent: try loadStorage()
        }
        return nil
    }

    // MARK: Bytes

    private func damage(_ problem: String) -> TorchFileError {
        .damagedPickle(file: file, byte: opcodeStart, problem: problem)
    }

    private mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _ type: Number.Type
    ) throws(TorchFileError) -> Number {
        guard let number = bytes.number(type, at: position) else { throw damage("it ends too early") }
        position += MemoryLayout<Number>.size
        return number
    }

    private mutating func byte() throws(TorchFileError) -> UInt8 { try number(UInt8.self) }

    private mutating func text(_ length: Int) throws(TorchFileError) -> String {
        guard length <= bytes.count - position else { throw damage("it ends too early") }
        guard let text = bytes.text(position, length) else { throw damage("a string that is not UTF-8") }
        position += length
        return text
    }

    /// A number of up to eight bytes in two's complement.
    private mutating func long() throws(TorchFileError) -> Int {
        let length = Int(try byte())
        guard length <= 8 else { throw damage("a number of \(length) bytes") }
        var value: UInt64 = 0
        for index in 0..<length { value |= UInt64(try byte()) << UInt64(8 * index) }
        let unused = UInt64(8 * (8 - length))
        return length == 0 ? 0 : Int(Int64(bitPattern: value << unused) >> Int64(unused))
    }

    /// Reads module and name, each terminated by a line feed.
    private mutating func global() throws(TorchFileError) -> PickleGlobal {
        var parts: [String] = []
        for _ in 0..<2 {
            let rest = bytes[position...].prefix(200)
            guard let end = rest.firstIndex(of: 0x0A) else { throw damage("a name without an end") }
            parts.append(try text(end - position))
            position = end + 1
        }
        let name = parts.joined(separator: ".")
        guard let global = PickleGlobal(name) else { throw .refusedGlobal(file: file, byte: opcodeStart, name: name) }
        return global
    }

    // MARK: Stack and memo

    private mutating func pop() throws(TorchFileError) -> Value { try pop(1)[0] }

    private mutating func pop(_ count: Int) throws(TorchFileError) -> [Value] {
        guard stack.count - (marks.last ?? 0) >= count else { throw damage("an instruction without its values") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws(TorchFileError) -> [Value] {
        guard let mark = marks.popLast() else { throw damage("an instruction without its mark") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private func recall(_ index: Int) throws(TorchFileError) -> Value {
        guard index < memo.count else { throw damage("memo \(index) is empty") }
        return memo[index]
    }

    /// Memo indices must be consecutive, as pickle's own writers number them.
    private mutating func remember(_ index: Int) throws(TorchFileError) {
        guard let value = stack.last, stack.count > marks.last ?? 0 else { throw damage("nothing to remember") }
        guard index <= memo.count else { throw damage("memo \(index) after \(memo.count)") }
        if index == memo.count { memo.append(value) } else { memo[index] = value }
    }

    // MARK: Tables

    private mutating func pushTuple(_ values: [Value]) {
        stack.append(.tuple(start: elements.count, count: values.count))
        elements += values
    }

    private func tuple(_ value: Value, _ what: String) throws(TorchFileError) -> ArraySlice<Value> {
        guard case .tuple(let start, let count) = value else { throw damage("\(value.kind) where \(what) should be") }
        return elements[start..<(start + count)]
    }

    private mutating func pushDictionary() {
        stack.append(.dictionary(dictionaries.count))
        dictionaries.append(([], []))
    }

    /// Adds alternating keys and values to the dictionary on top of the stack.
    private mutating func setItems(_ items: [Value]) throws(TorchFileError) {
        guard items.count.isMultiple(of: 2), case .dictionary(let index) = try pop() else {
            throw damage("items that belong to no dictionary")
        }
        for item in stride(from: 0, to: items.count, by: 2) {
            guard case .text(let key) = items[item] else {
                throw damage("a key that is \(items[item].kind), not a string")
            }
            keyBytes += key.utf8.count
            guard keyBytes <= Self.sizeLimit else { throw damage("its keys are longer than those of any checkpoint") }
            guard dictionaries[index].keys.insert(key).inserted else {
                throw damage("duplicate key \(key.quotedForMessage())")
            }
            dictionaries[index].entries.append((key, items[item + 1]))
        }
        entryCount += items.count / 2
        stack.append(.dictionary(index))
    }

    // MARK: Calls

    private mutating func reduce() throws(TorchFileError) {
        let pair = try pop(2)
        guard case .global(let function) = pair[0] else { throw damage("\(pair[0].kind) is called") }
        let arguments = Array(try tuple(pair[1], "arguments"))
        switch function {
        case .orderedDictionary:
            guard arguments.isEmpty else { throw damage("an OrderedDict with arguments") }
            pushDictionary()
        case .rebuildTensor: try rebuildTensor(arguments)
        case .rebuildParameter:
            guard arguments.count == 3, case .tensor = arguments[0], case .bool = arguments[1] else {
                throw damage("a parameter that is not a tensor")
            }
            try requireNoHooks(arguments[2])
            stack.append(arguments[0])
        case .storage: throw damage("a storage class is called")
        }
    }

    /// `_rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks)`.
    private mutating func rebuildTensor(_ arguments: [Value]) throws(TorchFileError) {
        guard arguments.count == 6, case .storage(let storage) = arguments[0],
            case .integer(let offset) = arguments[1], case .bool = arguments[4]
        else { throw damage("a tensor without the six expected arguments: conjugates and negatives are not supported") }
        try requireNoHooks(arguments[5])
        let shape = try integers(arguments[2], "sizes")
        tensors.append(
            Tensor(storage: storage, offset: offset, shape: shape, strides: try integers(arguments[3], "strides")))
        stack.append(.tensor(tensors.count - 1))
    }

    private func integers(_ value: Value, _ what: String) throws(TorchFileError) -> [Int] {
        let values = try tuple(value, what)
        guard values.count <= SafetensorsHeader.rankLimit else { throw damage("\(values.count) \(what)") }
        var result: [Int] = []
        for value in values {
            guard case .integer(let number) = value, number >= 0 else {
                throw damage("\(what) that are not non-negative integers")
            }
            result.append(number)
        }
        return result
    }

    private func requireNoHooks(_ value: Value) throws(TorchFileError) {
        guard case .dictionary(let hooks) = value, dictionaries[hooks].entries.isEmpty else {
            throw damage("a tensor with hooks")
        }
    }

    /// Ignores the module versions that `state_dict()` attaches to its dictionary.
    private mutating func build() throws(TorchFileError) {
        let pair = try pop(2)
        guard case .dictionary = pair[0], case .dictionary(let state) = pair[1],
            dictionaries[state].entries.allSatisfy({ $0.key == "_metadata" })
        else { throw damage("\(pair[0].kind) with attributes other than '_metadata'") }
        stack.append(pair[0])
    }

    /// `('storage', class, key, device, count)`; equal keys refer to the same storage.
    private mutating func loadStorage() throws(TorchFileError) {
        let parts = Array(try tuple(pop(), "a storage"))
        guard parts.count == 5, case .text("storage") = parts[0], case .global(.storage(let dtype)) = parts[1],
            case .text(let key) = parts[2], key.utf8.count <= 32, case .text = parts[3],
            case .integer(let count) = parts[4], count >= 0
        else { throw damage("a persistent id that is not a storage") }
        stack.append(.storage(storages.count))
        storages.append(Storage(dtype: dtype, key: key, count: count))
    }
}
