import { withWsgi } from 'wsgi-ts/next';

export default withWsgi({ reactStrictMode: true });
