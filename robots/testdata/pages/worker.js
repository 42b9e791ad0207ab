self.addEventListener('install', () => fetch('/api/service', { method: 'POST', body: 'x' }));
