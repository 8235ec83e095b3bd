import { matmulStoredCases } from './matmul.cases';
import { describeCases } from './testing';

describeCases('matmul with stored weights', matmulStoredCases);
