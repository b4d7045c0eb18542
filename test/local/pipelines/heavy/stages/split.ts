import { stage } from "millrace";

export default stage({ run: (token) => ({ data: token.data }) });
