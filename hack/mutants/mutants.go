package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// mutant is a file in which one thing is changed.
type mutant struct {
	file   string
	line   int
	what   string
	source []byte
}

// mutants are all that can be made of a file, but of what only planted faults reach, of
// the handling of errors, and of what only writes a log.
func mutants(file string, source []byte) ([]mutant, error) {
	m := &mutator{file: file, source: source, fset: token.NewFileSet()}
	tree, err := parser.ParseFile(m.fset, file, source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	end := sound(tree)
	ast.Inspect(tree, func(n ast.Node) bool {
		if n == nil || n.Pos() >= end || m.leftAlone(n) {
			return false
		}
		m.mutate(n)
		return true
	})
	return m.list, nil
}

// sound is where the part of a file ends that works in an engine without faults. Comments
// say so.
func sound(tree *ast.File) token.Pos {
	for _, c := range tree.Comments {
		text := strings.Join(strings.Fields(c.Text()), " ")
		if strings.Contains(text, "engine without faults") || strings.HasPrefix(text, "What faulty engines") {
			return c.Pos()
		}
	}
	return tree.End()
}

type mutator struct {
	file   string
	source []byte
	fset   *token.FileSet
	list   []mutant
}

func (m *mutator) offset(p token.Pos) int { return m.fset.Position(p).Offset }

func (m *mutator) text(n ast.Node) string {
	return string(m.source[m.offset(n.Pos()):m.offset(n.End())])
}

// replace adds the mutant in which something else stands from one place to another.
func (m *mutator) replace(from, to token.Pos, by, what string) {
	a, b := m.offset(from), m.offset(to)
	m.list = append(m.list, mutant{
		file: m.file, line: m.fset.Position(from).Line, what: what,
		source: bytes.Join([][]byte{m.source[:a], []byte(by), m.source[b:]}, nil),
	})
}

// leftAlone tells what is of faults, errors or logs, with all that is in it.
func (m *mutator) leftAlone(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		return m.isForeign(n.Cond)
	case *ast.CaseClause:
		for _, e := range n.List {
			if m.isForeign(e) {
				return true
			}
		}
	case *ast.ExprStmt, *ast.BinaryExpr:
		return m.isForeign(n)
	case *ast.FuncDecl:
		return n.Name.Name == "String" || n.Name.Name == "log"
	}
	return false
}

func (m *mutator) isForeign(n ast.Node) bool {
	text := m.text(n)
	return strings.Contains(text, "aults") || strings.Contains(text, "err ") || strings.Contains(text, "logf(")
}

func (m *mutator) mutate(n ast.Node) {
	switch n := n.(type) {
	case *ast.IfStmt:
		m.replace(n.Cond.Pos(), n.Cond.End(), "!("+m.text(n.Cond)+")", "if not "+m.text(n.Cond))
	case *ast.BinaryExpr:
		if other := opposite(n.Op); other != token.ILLEGAL {
			m.replace(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), other.String(), n.Op.String()+" is "+other.String()+" in "+firstLine(m.text(n)))
		}
	case *ast.ExprStmt:
		m.replace(n.Pos(), n.End(), "", "without "+firstLine(m.text(n)))
	case *ast.BranchStmt:
		if n.Tok == token.CONTINUE && n.Label == nil {
			m.replace(n.Pos(), n.End(), "break", "continue is break")
		}
	case *ast.ReturnStmt:
		m.returned(n)
	case *ast.AssignStmt:
		m.appended(n)
	}
}

// returned turns a truth round.
func (m *mutator) returned(n *ast.ReturnStmt) {
	if len(n.Results) != 1 {
		return
	}
	switch word := m.text(n.Results[0]); word {
	case "true", "false":
		other := map[string]string{"true": "false", "false": "true"}[word]
		m.replace(n.Results[0].Pos(), n.Results[0].End(), other, "returns "+other)
	}
}

// appended leaves a list as it is.
func (m *mutator) appended(n *ast.AssignStmt) {
	if n.Tok != token.ASSIGN || len(n.Lhs) != 1 || len(n.Rhs) != 1 {
		return
	}
	call, ok := n.Rhs[0].(*ast.CallExpr)
	if ok && m.text(call.Fun) == "append" && len(call.Args) > 1 {
		m.replace(call.Pos(), call.End(), m.text(call.Args[0]), "without "+firstLine(m.text(n)))
	}
}

// opposite is the operator that makes another expression of one, or ILLEGAL.
func opposite(op token.Token) token.Token {
	return map[token.Token]token.Token{
		token.LAND: token.LOR, token.LOR: token.LAND, token.EQL: token.NEQ, token.NEQ: token.EQL,
		token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
		token.ADD: token.SUB, token.SUB: token.ADD,
	}[op]
}

func firstLine(text string) string {
	line, _, more := strings.Cut(text, "\n")
	if more {
		line += "..."
	}
	return line
}
