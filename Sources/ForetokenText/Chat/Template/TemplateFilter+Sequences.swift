import ForetokenFiles

/// Filters over sequences.
extension TemplateInterpreter {
    func sequenceFilter(
        _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws -> TemplateValue {
        func bind(_ parameters: String...) throws -> [TemplateValue?] {
            try arguments.bind("the filter '\(filter.rawValue)'", parameters)
        }
        switch filter {
        case .first:
            _ = try bind()
            if case .text(let text) = value, let first = text.element(at: 0) { return .text(first) }
            return try iterator(over: value)() ?? .undefined(.hint("No first item, sequence was empty."))
        case .last:
            _ = try bind()
            guard let elements = try knownElements(of: value) else {
                throw TemplateFault.failed("'generator' object is not reversible")
            }
            return elements.last ?? .undefined(.hint("No last item, sequence was empty."))
        case .reverse:
            _ = try bind()
            if case .text(let text) = value {
                try budget.allocate(text.bytes.count)
                return .text(text.slice(from: max(0, text.count - 1), by: -1, count: text.count))
            }
            let reversed = Array(try elements(of: value).reversed())
            if case .generator = value { return try makeList(reversed) }
            return try generator(over: value, reversed)
        case .items:
            _ = try bind()
            var next: (() throws -> TemplateValue?)?
            let generator = TemplateValue.Generator(over: value) { [self] in
                if case .undefined = value { return nil }
                guard case .dictionary(let dictionary) = value else {
                    throw TemplateFault.failed("Can only get item pairs from a mapping.")
                }
                if next == nil {
                    next = try iterator(over: .view(TemplateValue.DictionaryView(kind: .items, dictionary: dictionary)))
                }
                return try next?()
            }
            return try budget.check(.generator(generator))
        case .min, .max:
            let values = try bind("case_sensitive", "attribute")
            return try extreme(filter == .max, value, values[0], try path(values[1]))
        case .sort: return try sorted(value, try bind("reverse", "case_sensitive", "attribute"))
        case .dictsort: return try sortedItems(value, try bind("case_sensitive", "by", "reverse"))
        default: return try unique(value, try bind("case_sensitive", "attribute"))
        }
    }

    private func generator(over source: TemplateValue, _ elements: [TemplateValue]) throws -> TemplateValue {
        try budget.allocate(elements: elements.count)
        var iterator = elements.makeIterator()
        return try budget.check(.generator(TemplateValue.Generator(over: source) { iterator.next() }))
    }

    /// What sorting compares: strings in lower case unless the case counts.
    private func sortKey(_ value: TemplateValue, _ isCaseSensitive: TemplateValue?) throws -> TemplateValue {
        try budget.step()
        if case .text(let text) = value, !(isCaseSensitive?.isTrue ?? false) {
            return .text(try cased(text, "lower"))
        }
        return value
    }

    private func extreme(
        _ isMaximum: Bool, _ value: TemplateValue, _ isCaseSensitive: TemplateValue?, _ path: [PathStep]
    ) throws -> TemplateValue {
        var best: (element: TemplateValue, key: TemplateValue)?
        for element in try elements(of: value) {
            let key = try sortKey(try item(at: path, of: element), isCaseSensitive)
            guard let current = best else {
                best = (element, key)
                continue
            }
            if try compare(key, isMaximum ? .greater : .less, current.key) { best = (element, key) }
        }
        return best?.element ?? .undefined(.hint("No aggregated item, sequence was empty."))
    }

    /// Accounts for the comparisons of a sort.
    private func prepareSort(_ elements: [TemplateValue]) throws {
        let rounds = Int.bitWidth - elements.count.leadingZeroBitCount
        var weight = 0
        for element in elements { weight = TemplateValue.sum(weight, element.weight) }
        try budget.read(64 * elements.count * rounds)
        for _ in 0..<rounds { try budget.read(weight) }
    }

    private func sorted(_ value: TemplateValue, _ values: [TemplateValue?]) throws -> TemplateValue {
        let elements = try elements(of: value)
        try prepareSort(elements)
        var paths: [[PathStep]] = [[]]
        if case .text(let attributes)? = values[2] {
            paths = try attributes.split(by: MarkedText(","), limit: -1).map { try path(.text($0)) }
        } else if let attribute = values[2] {
            paths = [try path(attribute)]
        }
        let result = try TemplateSort.sorted(elements, reversed: values[0]?.isTrue ?? false) { element in
            .list(try paths.map { try sortKey(try item(at: $0, of: element), values[1]) })
        }
        return try makeList(result)
    }

    private func sortedItems(_ value: TemplateValue, _ values: [TemplateValue?]) throws -> TemplateValue {
        guard case .dictionary(let dictionary) = value else {
            if case .undefined(let undefined) = value { throw TemplateFault.failed(undefined.message) }
            throw TemplateFault.failed("'\(value.typeName)' object has no attribute 'items'")
        }
        let by = try values[1]?.textArgument("the order").string ?? "key"
        guard by == "key" || by == "value" else {
            throw TemplateFault.failed("You can only sort by either \"key\" or \"value\"")
        }
        try prepareSort(by == "key" ? dictionary.keys : dictionary.values)
        let items = zip(dictionary.keys, dictionary.values).map { ($0.0, $0.1) }
        let result = try TemplateSort.sorted(items, reversed: values[2]?.isTrue ?? false) { item in
            try sortKey(by == "key" ? item.0 : item.1, values[0])
        }
        try budget.allocate(elements: 2 * result.count)
        return try makeList(result.map { .tuple([$0.0, $0.1]) })
    }

    private func unique(_ value: TemplateValue, _ values: [TemplateValue?]) throws -> TemplateValue {
        let path = try path(values[1])
        var next: (() throws -> TemplateValue?)?
        var seen: Set<TemplateDictionary.Key> = []
        let generator = TemplateValue.Generator(over: value) { [self] in
            if next == nil { next = try iterator(over: value) }
            while let element = try next?() {
                let key = try key(of: try sortKey(try item(at: path, of: element), values[0]))
                try budget.allocate(64)
                if seen.insert(key).inserted { return element }
            }
            return nil
        }
        return try budget.check(.generator(generator))
    }

    /// `map`, `select` and their kin: generators that work when they are asked.
    func lazyFilter(
        _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws -> TemplateValue.Generator {
        var next: (() throws -> TemplateValue?)?
        var isChosen: ((TemplateValue) throws -> TemplateValue?)?
        let held = arguments.positional + arguments.named.map(\.value)
        let generator = TemplateValue.Generator(over: value, holding: held) { [self] in
            guard value.isTrue else { return nil }
            if next == nil {
                isChosen = filter == .map ? try mapping(arguments) : try selection(filter, arguments)
                next = try iterator(over: value)
            }
            try budget.enter()
            defer { budget.leave() }
            while let element = try next?() {
                try budget.step()
                if let result = try isChosen?(element) { return result }
            }
            return nil
        }
        _ = try budget.check(.generator(generator))
        return generator
    }

    private func mapping(
        _ arguments: TemplateArguments
    ) throws -> (TemplateValue) throws -> TemplateValue? {
        if arguments.positional.isEmpty, arguments.named.contains(where: { $0.name == "attribute" }) {
            let values = try arguments.bind("the filter 'map'", ["attribute", "default"])
            let path = try path(values[0])
            var otherwise = values[1]
            if case .null? = otherwise { otherwise = nil }
            return { [self, otherwise] in try item(at: path, of: $0, otherwise: otherwise) }
        }
        guard let first = arguments.positional.first else {
            throw TemplateFault.failed("map requires a filter argument")
        }
        let name = try first.textArgument("the filter's name").string
        let rest = TemplateArguments(positional: Array(arguments.positional.dropFirst()), named: arguments.named)
        return { [self] in try self.filter(name, $0, rest) }
    }

    private func selection(
        _ filter: TemplateFilter, _ arguments: TemplateArguments
    ) throws -> (TemplateValue) throws -> TemplateValue? {
        var positional = arguments.positional[...]
        var path: [PathStep] = []
        if filter == .selectattr || filter == .rejectattr {
            guard let attribute = positional.popFirst() else {
                throw TemplateFault.failed("Missing parameter for attribute name")
            }
            path = try self.path(attribute)
        }
        let isKept = filter == .select || filter == .selectattr
        guard let test = positional.popFirst() else {
            return { [self] in try item(at: path, of: $0).isTrue == isKept ? $0 : nil }
        }
        let name = try test.textArgument("the test's name").string
        let rest = TemplateArguments(positional: Array(positional), named: arguments.named)
        return { [self] in try self.test(name, try item(at: path, of: $0), rest) == isKept ? $0 : nil }
    }
}
