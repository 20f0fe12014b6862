// The MCP server of t/mcp.t: on a unix socket, with two tools. It ends with its standard input.
//
//   node server.mjs SOCKET
//
// "whoami" tells which user nginx says is asking, and whether a token has come along; "publish" publishes.

import { createServer } from 'node:http';

import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';

const nothing = fromJsonSchema({ type: 'object', properties: {} });

function text(value) {
  return { content: [{ type: 'text', text: value }] };
}

const handler = createMcpHandler(({ requestInfo }) => {
  const server = new McpServer({ name: 'test', version: '1.0.0' });
  const user = requestInfo?.headers.get('x-user');
  const token = requestInfo?.headers.has('authorization') ? 'a token' : 'no token';
  server.registerTool('whoami', { description: 'Who asks', inputSchema: nothing }, () => text(`${user}, ${token}`));
  server.registerTool('publish', { description: 'Publishes', inputSchema: nothing }, () => text('published'));
  return server;
});

createServer(toNodeHandler(handler)).listen(process.argv[2], () => console.log('ready'));
process.stdin.on('end', () => process.exit()).resume();
